//! Whether a station, its board and its disks are well, and what a person should look after.
//!
//! [`board`] and [`disk`] read, [`mod@attention`] judges. `twinspect status`, the page and the figures for a monitoring
//! system say the same, as they ask here.

mod attention;
mod board;
mod disk;

pub(crate) use attention::{Attention, Looked, attention, is_depth_poor, remedy};
pub(crate) use board::Board;
pub(crate) use disk::Disk;

/// A count with its noun, which has no odd plural: `1 restart`, `2 restarts`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{ending}")
}
