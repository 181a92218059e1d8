# Where simde/*.h is installed. Without it, the build fetches the headers.
foreach(prefix /usr/include /usr/local/include /opt/homebrew/include)
  if(EXISTS "${prefix}/simde/wasm/simd128.h")
    set(FETCHCONTENT_SOURCE_DIR_SIMDE "${prefix}" CACHE PATH "")
    break()
  endif()
endforeach()
