//! What a classifier says of many images. The network runs in the worker's program, which also decodes.

pub mod ask;
pub mod images;
