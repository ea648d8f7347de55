//! A run: its directory, which is the interface between the two programs, and what is read from it.

pub mod amend;
pub mod card;
pub mod change;
pub mod checkpoint;
pub mod curves;
pub mod dir;
pub mod estimate;
pub mod event;
pub mod file;
pub mod fork;
pub mod heartbeat;
pub mod history;
pub mod insight;
pub mod jobs;
pub mod launch;
pub mod live;
pub mod log;
pub mod mailbox;
pub mod points;
pub mod pseudo;
pub mod rate;
pub mod seen;
pub mod setup;
pub mod state;
pub mod survey;
