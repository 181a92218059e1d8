//! How the memory allocator gives memory back.

/// In bytes; more than any buffer of a transfer, and little enough that what is
/// free at the ends of the heaps is not much.
const LARGEST_BUFFER: usize = 4 * 1024 * 1024;

/// Has glibc keep the memory of buffers for the next ones.
///
/// Received bytes lie in buffers of some hundred KiB, and those of a batch are
/// freed together. With its first limits glibc returns that memory to the
/// system each time, and every page of the next buffers is a page fault: a
/// third of the processor time of a large download. Those limits follow the
/// largest block that was freed: up to its size there are no mappings of their
/// own, and twice as much may be free at the end of the heap. One that is
/// freed now, and was never written to, costs two system calls. Elsewhere it
/// changes nothing.
pub fn keep_buffers() {
  drop(std::hint::black_box(Vec::<u8>::with_capacity(
    LARGEST_BUFFER,
  )));
}
