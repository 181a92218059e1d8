//! Values: registrations, job queues, running workers. They decide and do
//! no I/O.

pub(crate) mod job_queues;
pub(crate) mod registrations;
pub(crate) mod running;
