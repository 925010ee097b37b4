//! Builds that make everything again: whether the results of earlier builds are used → a [`Fresh`] that keeps them away.

use crate::system::cache::Fresh;

/// Whether a build takes what earlier builds have made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptResults {
    Used,
    /// Only downloads are taken from the cache, and nothing that is made is kept.
    Ignored,
}

impl KeptResults {
    /// What `--no-cache` means.
    pub fn unless(no_cache: bool) -> Self {
        if no_cache { Self::Ignored } else { Self::Used }
    }

    /// Call it first in a build. Its value has to live until the build's last use of the cache. `enter` enters the namespace that
    /// the build may need: that starts this process again, and the new one would not know of a [`Fresh`] that was made before.
    pub(super) fn begin(self, enter: impl FnOnce() -> miette::Result<()>) -> miette::Result<Option<Fresh>> {
        match self {
            Self::Used => Ok(None),
            Self::Ignored => {
                enter()?;
                Fresh::begin().map(Some)
            }
        }
    }
}
