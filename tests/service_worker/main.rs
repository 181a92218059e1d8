//! Service workers: their life, their messages, and that they are woken.

#[path = "../support/mod.rs"]
mod support;

mod harness;
mod host;
mod life;
mod limits;
mod messages;
mod restored;
mod update;
mod wake;
