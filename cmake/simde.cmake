# Where simde/*.h is installed: by the system, or by scripts/setup.sh.
# Without it, the build fetches the headers.
foreach(prefix
  /usr/include
  /usr/local/include
  /opt/homebrew/include
  "${CMAKE_CURRENT_LIST_DIR}/../target/setup/cmeel.prefix/include")
  if(EXISTS "${prefix}/simde/wasm/simd128.h")
    # A build directory may remember a place that is gone: hence FORCE.
    set(FETCHCONTENT_SOURCE_DIR_SIMDE "${prefix}" CACHE PATH "" FORCE)
    break()
  endif()
endforeach()
