//! Makes the image from a finished root: an ext4 file system without a partition table, made by the target's own `mke2fs`,
//! then compressed into one gzip member. Both sizes are checked against Linode's limits. A manifest lists the packages.

mod blocks;
pub mod ext4;
pub mod gzip;
mod inode_times;
pub mod limits;
pub mod manifest;
pub mod superblock;
