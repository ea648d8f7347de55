//! Which training images are labeled: picked, read, saved, recorded by a run, and ranked from the most to the least
//! representative.

pub mod advise;
pub mod answers;
pub mod desk;
pub mod file;
pub mod log;
pub mod order;
pub mod pick;
pub mod published;
pub mod ranking;
pub mod recorded;
pub mod saved;
pub mod set;
pub mod suggest;
pub mod table;
