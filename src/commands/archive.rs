//! The archive that an image, or a tool of the target's, is made from: how `[image]` in `stack.toml`, this machine's apt
//! and the table of suites decide it together.

use std::fs;
use std::path::Path;

use miette::{IntoDiagnostic, WrapErr};

use crate::apt::{Archive, Client, Keyring, Limits, Sources, Suite, sources};
use crate::stack::Image;
use crate::system::cache::Cache;
use crate::system::epoch::Epoch;
use crate::system::progress::Reporter;

/// Where packages come from, and whom to believe.
pub struct Source {
    /// The suite.
    pub suite: &'static Suite,
    /// Its mirrors.
    pub sources: Sources,
    /// The keys that its Release files must be signed with.
    pub keyring: Keyring,
    /// The client for all downloads.
    pub client: Client,
}

impl Source {
    /// The source of an image.
    ///
    /// # Errors
    /// When no mirror is known or the keyring cannot be read.
    pub fn of(suite: &'static Suite, image: &Image, reporter: Reporter) -> miette::Result<Self> {
        let keyring = match &image.keyring {
            Some(path) => {
                let name = path.display().to_string();
                let bytes =
                    fs::read(path).into_diagnostic().wrap_err_with(|| format!("cannot read the keyring {name}"))?;
                Keyring::from_bytes(&name, &bytes)?
            }
            None => Self::own_keyring(suite)?,
        };
        let (mirror, security) = (image.mirror.as_deref(), image.security_mirror.as_deref());
        let sources = sources::find(suite, mirror, security, Path::new("/"))?;
        Ok(Self { suite, sources, keyring, client: Client::new(Limits::default(), reporter) })
    }

    /// The source of a tool that no stack says anything about: this machine's own mirrors.
    ///
    /// # Errors
    /// When no mirror is known.
    pub fn of_machine(suite: &'static Suite, reporter: Reporter) -> miette::Result<Self> {
        let sources = sources::find(suite, None, None, Path::new("/"))?;
        Ok(Self {
            suite,
            sources,
            keyring: Self::own_keyring(suite)?,
            client: Client::new(Limits::default(), reporter),
        })
    }

    fn own_keyring(suite: &Suite) -> miette::Result<Keyring> {
        let name = format!("the archive keyring of {}", suite.title());
        Ok(Keyring::from_bytes(&name, suite.distribution.keyring())?)
    }
}

/// Fetches and verifies what the archive has.
///
/// # Errors
/// When something cannot be had or is not to be trusted.
pub fn open(cache: &Cache, source: &Source) -> miette::Result<Archive> {
    let Source { suite, sources, keyring, client } = source;
    Ok(Archive::open(cache, client, suite, sources, keyring, Epoch::now())?)
}
