//! Making progress durable: many small changes and many bytes in few flushes.
//!
//! [`value::Journal`] decides, as a value; [`writer::JournalWriter`] has the
//! store and the clock, and those who wait. A change is *noted*, and written
//! with the next round that takes it along, or a caller waits for it. A round
//! makes the bodies durable that its changes speak of, writes the changes in
//! one transaction, and answers every caller that waits for one of them; one
//! that comes meanwhile shares the next one.
//!
//! A round takes whole background fetches, so that their changes stay in order:
//! those that a caller waits for, and those that need no flush of a body (these
//! are written soon in any case). All others wait for the checkpoint, see
//! [`CheckpointPolicy`](crate::engine::CheckpointPolicy).
//!
//! A round begins at once when a caller waits for it, in the caller's own
//! thread, with two exceptions, which last until something else begins a round:
//!
//! - Results and ends, which come one after the other when there are many. One
//!   that comes within 10 ms of another background fetch's waits until 10 ms
//!   have passed in which none came, until 100 of them wait, or for 50 ms (see
//!   [`pace`]). A response with its first body is written in the same way, and
//!   no caller waits for it.
//! - Registrations of a script behind the first one of a turn, which the script
//!   hears of when the turn has ended. They wait until then, until 50 of them
//!   wait, or for 50 ms (see [`turns`]).
//!
//! What is durable before what, change by change:
//!
//! | change | noted | durable before |
//! | --- | --- | --- |
//! | the registration with its request bodies, [`Write::Insert`] | | `fetch()` resolves |
//! | [`Response`](crate::store::Change::Response) | yes, urgently with its first body | the body of a redundant one is deleted |
//! | [`Stored`](crate::store::Change::Stored) | yes, after a sync of the body | the record's result |
//! | [`Sent`](crate::store::Change::Sent) | | the request that must not be repeated is sent |
//! | [`RecordResult`](crate::store::Change::RecordResult) | yes | the event |
//! | [`Uploaded`](crate::store::Change::Uploaded) | yes | the event |
//! | [`Paused`](crate::store::Change::Paused), [`Released`](crate::store::Change::Released) | when the store fails | the caller is answered |
//! | [`Aborted`](crate::store::Change::Aborted) | never: it is taken back | `abort()` resolves with true |
//! | [`Settled`](crate::store::Change::Settled) | never: it is tried again | the event is fired |
//! | [`Retained`](crate::store::Change::Retained) | when the store fails | |
//! | [`Redelivered`](crate::store::Change::Redelivered) | never | the event is fired again |
//! | [`Retried`](crate::store::Change::Retried), [`Moved`](crate::store::Change::Moved) | never | an attempt is made |
//! | [`Ui`](crate::store::Change::Ui) | yes | the event's end |
//! | [`Forgotten`](crate::store::Change::Forgotten) | when the store fails | its bodies are deleted, but for a full disk |
//!
//! [`Write::Insert`]: crate::store::Write::Insert

mod pace;
pub(crate) mod queue;
pub(crate) mod turns;
pub(crate) mod value;
pub(crate) mod writer;

#[cfg(test)]
mod laws;
