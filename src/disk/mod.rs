//! From a finished root to the file that Linode takes: an ext4 file system without a partition table, made by the target's
//! own `mke2fs`, compressed into one gzip member, inside Linode's limits, with a manifest beside it.

pub mod ext4;
pub mod gzip;
pub mod limits;
pub mod manifest;
pub mod superblock;
