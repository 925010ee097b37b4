//! The sizes that Linode accepts. Linode reports no error for an image that is too large; the image just never appears. So
//! both sizes are checked here, each as soon as it is known.

use crate::stack::LARGEST_IMAGE;

/// The largest image, decompressed, in bytes.
pub const RAW: u64 = LARGEST_IMAGE;

/// The largest image file, compressed, in bytes.
pub const COMPRESSED: u64 = 5 << 30;

/// An image is larger than Linode accepts.
#[derive(Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum LimitError {
    #[error("the image is {size} bytes, {} MiB more than the {} GiB that Linode accepts", excess(*.size, RAW), RAW >> 30)]
    #[diagnostic(help(
        "set [image] free-space in stack.toml to less (the file system grows to the disk at first boot), remove packages from \
         [image] packages, or keep large files of the app out of the image"
    ))]
    Raw {
        /// Its size in bytes.
        size: u64,
    },
    #[error(
        "the compressed image is {size} bytes, {} MiB more than the {} GiB that Linode accepts",
        excess(*.size, COMPRESSED),
        COMPRESSED >> 30
    )]
    #[diagnostic(help("remove packages from [image] packages, or keep large files of the app out of the image"))]
    Compressed {
        /// Its size in bytes.
        size: u64,
    },
}

fn excess(size: u64, limit: u64) -> u64 {
    size.saturating_sub(limit).div_ceil(1024 * 1024)
}

/// Checks the size of an image before it is compressed, in bytes.
///
/// # Errors
/// When it is larger than Linode accepts.
pub fn check_raw(size: u64) -> Result<(), LimitError> {
    if size <= RAW { Ok(()) } else { Err(LimitError::Raw { size }) }
}

/// Checks the size of a compressed image, in bytes.
///
/// # Errors
/// When it is larger than Linode accepts.
pub fn check_compressed(size: u64) -> Result<(), LimitError> {
    if size <= COMPRESSED { Ok(()) } else { Err(LimitError::Compressed { size }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_more_is_too_much() {
        assert_eq!(check_raw(6 << 30), Ok(()));
        let error = check_raw((6 << 30) + 1).unwrap_err();
        assert!(error.to_string().contains("1 MiB more than the 6 GiB"), "{error}");
        assert_eq!(check_compressed(5 << 30), Ok(()));
        assert_eq!(check_compressed((5 << 30) + 1), Err(LimitError::Compressed { size: (5 << 30) + 1 }));
    }
}
