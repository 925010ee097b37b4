//! The Debian repository that an image, or a tool of the target's, is made from. `[image]` in `stack.toml`, this machine's
//! apt and the table of suites decide together where it is and which keys it is verified with.

use std::fs;
use std::path::Path;

use miette::{IntoDiagnostic, WrapErr};

use crate::apt::{Archive, Keyring, MirrorClient, MirrorLimits, OlderRelease, Releases, Sources, Suite, sources};
use crate::stack::Image;
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::progress::Reporter;

/// Where packages are downloaded from, and how they are verified. Nothing is downloaded before [`Repository::open`].
pub struct Repository {
    /// The release of the distribution.
    pub suite: &'static Suite,
    /// The addresses of the main and the security archive.
    pub sources: Sources,
    /// The keys that its Release files must be signed with.
    pub keyring: Keyring,
    /// The HTTP client for all downloads.
    pub client: MirrorClient,
}

impl Repository {
    /// The repository for an image: the mirrors and the keyring that `image` names, else this machine's own
    /// mirrors and the distribution's keyring.
    ///
    /// # Errors
    /// When no mirror is known or the keyring cannot be read.
    pub fn for_image(suite: &'static Suite, image: &Image, reporter: Reporter) -> miette::Result<Self> {
        let keyring = keyring_of(suite, image)?;
        let (mirror, security) = (image.mirror.as_deref(), image.security_mirror.as_deref());
        let sources = sources::find(suite, mirror, security, Path::new("/"))?;
        Ok(Self { suite, sources, keyring, client: MirrorClient::new(MirrorLimits::default(), reporter) })
    }

    /// The repository for a tool, when there is no `stack.toml`: this machine's own mirrors.
    ///
    /// # Errors
    /// When no mirror is known.
    pub fn for_tool(suite: &'static Suite, reporter: Reporter) -> miette::Result<Self> {
        let sources = sources::find(suite, None, None, Path::new("/"))?;
        let keyring = distribution_keyring(suite)?;
        Ok(Self { suite, sources, keyring, client: MirrorClient::new(MirrorLimits::default(), reporter) })
    }

    /// Downloads the Release files, and verifies them.
    ///
    /// # Errors
    /// When the network fails, or a signature or a date is wrong.
    pub fn releases(&self, cache: &Cache, older: OlderRelease) -> miette::Result<Releases> {
        let Self { suite, sources, keyring, client } = self;
        Ok(Releases::open(cache, client, suite, sources, keyring, Epoch::now(), older)?)
    }

    /// Downloads the Release files and the indexes of packages into `cache`, as far as they are
    /// not there, and verifies them.
    ///
    /// # Errors
    /// When the network fails, or a signature, a date or a checksum is wrong.
    pub fn open(&self, cache: &Cache, older: OlderRelease) -> miette::Result<Archive> {
        Ok(self.releases(cache, older)?.read(cache, &self.client)?)
    }
}

/// The keyring that `image` names, else the distribution's own.
///
/// # Errors
/// When it cannot be read, or is not a file of OpenPGP certificates.
pub fn keyring_of(suite: &Suite, image: &Image) -> miette::Result<Keyring> {
    let Some(path) = &image.keyring else { return distribution_keyring(suite) };
    let name = path.display().to_string();
    let bytes = fs::read(path).into_diagnostic().wrap_err_with(|| format!("cannot read the keyring {name}"))?;
    Ok(Keyring::from_bytes(&name, &bytes)?)
}

fn distribution_keyring(suite: &Suite) -> miette::Result<Keyring> {
    let name = format!("the archive keyring of {}", suite.title());
    Ok(Keyring::from_bytes(&name, suite.distribution.keyring())?)
}
