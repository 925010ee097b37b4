//! This program's own file. Its digest is a part of the name of each result in the cache, because another version may make
//! another.

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use super::hash::Sha256;

/// The digest of the file of this program. It is read once, which takes some 20 ms.
///
/// # Errors
/// When it cannot be read.
pub fn digest() -> io::Result<Sha256> {
    static DIGEST: OnceLock<Sha256> = OnceLock::new();
    if let Some(digest) = DIGEST.get() {
        return Ok(*digest);
    }
    let (digest, _) = Sha256::of_file(Path::new("/proc/self/exe"))?;
    Ok(*DIGEST.get_or_init(|| digest))
}
