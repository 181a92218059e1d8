//! Service workers: their life, their messages, and that they are woken.

mod embedder;
mod harness;
mod host;
mod life;
mod limits;
mod messages;
mod navigation;
mod restored;
mod update;
mod wake;
