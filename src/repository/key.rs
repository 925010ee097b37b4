//! The key that signs: a file with an OpenPGP key → signatures that apt verifies with the certificate in the repository's
//! `.sources` file. Who has this file can install packages on every server that uses the repository.

use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sequoia_openpgp as openpgp;

use openpgp::armor;
use openpgp::cert::{Cert, CertBuilder, CipherSuite};
use openpgp::crypto::KeyPair;
use openpgp::parse::Parse;
use openpgp::policy::StandardPolicy;
use openpgp::serialize::stream::{Armorer, Message, Signer};
use openpgp::serialize::{Serialize, SerializeInto};
use openpgp::types::KeyFlags;

use super::error::RepositoryError;
use super::folder::RepositoryFolder;
use crate::apt::Keyring;
use crate::system::epoch::Epoch;

/// The user id of a key that is made here. Nobody gets mail there.
const USER: &str = "Package repository (made by stackdeb)";
/// The bits of a mode that let other users read, write or use a file.
const OF_OTHERS: u32 = 0o077;

/// The user's own key for all repositories, or one that `--key` names.
#[derive(Debug, Clone)]
pub struct KeyFile {
    path: PathBuf,
    /// It has to exist, because the user has named it.
    named: bool,
}

/// A key that was made for a new repository.
#[derive(Debug)]
pub struct NewKey {
    pub path: PathBuf,
    pub fingerprint: String,
}

/// A key with its secret part.
pub(super) struct SigningKey {
    cert: Cert,
    path: PathBuf,
}

impl KeyFile {
    /// The file that the user names, or `stackdeb/repository-key.pgp` in the user's data (XDG Base Directory Specification).
    ///
    /// # Errors
    /// When none is named, and neither `XDG_DATA_HOME` nor `HOME` is an absolute path.
    pub fn find(named: Option<&Path>) -> Result<Self, RepositoryError> {
        if let Some(path) = named {
            return Ok(Self { path: path.to_owned(), named: true });
        }
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        let base = base.ok_or(RepositoryError::NoPlaceForKey)?;
        Ok(Self { path: base.join("stackdeb/repository-key.pgp"), named: false })
    }

    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Refuses a place that the web server would serve.
    ///
    /// # Errors
    /// When the file is inside the repository.
    pub(super) fn check_place(&self, folder: &RepositoryFolder) -> Result<(), RepositoryError> {
        if resolved(&self.path).starts_with(resolved(folder.root())) {
            return Err(RepositoryError::KeyIsServed { path: self.shown(), folder: folder.shown() });
        }
        Ok(())
    }

    /// Reads the key; `None` if it has not been made yet and the user has not named the file.
    ///
    /// # Errors
    /// When other users can read it, or it holds no key that can sign now.
    pub(super) fn read(&self) -> Result<Option<SigningKey>, RepositoryError> {
        let failed = |source| RepositoryError::Io { path: self.shown(), source };
        let metadata = match fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.named => {
                return Err(RepositoryError::NoKeyFile { path: self.shown() });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(failed)?,
        };
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & OF_OTHERS != 0 {
            return Err(RepositoryError::KeyIsReadable { path: self.shown(), mode });
        }
        let bytes = fs::read(&self.path).map_err(failed)?;
        let cert = Cert::from_bytes(&bytes).map_err(|error| self.cannot_sign(&error.to_string()))?;
        let key = SigningKey { cert, path: self.path.clone() };
        key.pair(Epoch::now())?;
        Ok(Some(key))
    }

    /// Makes a key of its own for this user: Ed25519, which can only sign, and which does not expire. Its file can be read by
    /// the user alone. If another command has made it meanwhile, that one is used.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn make(&self) -> Result<(SigningKey, Option<NewKey>), RepositoryError> {
        let failed = |source| RepositoryError::Io { path: self.shown(), source };
        let cert = generate().map_err(|error| self.cannot_sign(&error.to_string()))?;
        let text = cert.as_tsk().armored().to_vec().map_err(|error| self.cannot_sign(&error.to_string()))?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made.map_err(failed)?,
        }
        let private = Permissions::from_mode(0o600);
        let mut file = tempfile::Builder::new().permissions(private).tempfile_in(folder).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        match file.persist_noclobber(&self.path) {
            Ok(_) => {
                let key = SigningKey { cert, path: self.path.clone() };
                let new = NewKey { path: self.path.clone(), fingerprint: key.fingerprint() };
                Ok((key, Some(new)))
            }
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                let key = self.read()?.ok_or_else(|| RepositoryError::NoKeyFile { path: self.shown() })?;
                Ok((key, None))
            }
            Err(error) => Err(failed(error.error)),
        }
    }

    fn cannot_sign(&self, why: &str) -> RepositoryError {
        RepositoryError::KeyCannotSign { path: self.shown(), why: why.to_owned() }
    }
}

fn generate() -> openpgp::Result<Cert> {
    let flags = KeyFlags::empty().set_certification().set_signing();
    // Version 4, which the gpgv of Debian 12 knows.
    let builder = CertBuilder::new().set_profile(openpgp::Profile::RFC4880)?.set_cipher_suite(CipherSuite::Cv25519);
    let builder = builder.set_creation_time(Epoch::now().to_system_time()).set_primary_key_flags(flags);
    Ok(builder.add_userid(USER).generate()?.0)
}

/// The path without links, for the part that exists.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for existing in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (fs::canonicalize(existing), path.strip_prefix(existing)) {
            return real.join(rest);
        }
    }
    path
}

impl SigningKey {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn fingerprint(&self) -> String {
        self.cert.fingerprint().to_hex()
    }

    /// The certificate in ASCII armour, for servers.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn certificate(&self) -> Result<String, RepositoryError> {
        let encode = || -> openpgp::Result<Vec<u8>> {
            let mut writer = armor::Writer::new(Vec::new(), armor::Kind::PublicKey)?;
            self.cert.export(&mut writer)?;
            Ok(writer.finalize()?)
        };
        let bytes = encode().map_err(|error| self.fault(&error))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// What verifies this key's signatures.
    ///
    /// # Errors
    /// When the certificate cannot be encoded.
    pub fn keyring(&self) -> Result<Keyring, RepositoryError> {
        Ok(Keyring::from_bytes(&self.path.display().to_string(), self.certificate()?.as_bytes())?)
    }

    /// The text with a signature in it, as `InRelease` is.
    ///
    /// # Errors
    /// When the key was not valid at that time.
    pub fn sign_in_clear(&self, text: &str, at: Epoch) -> Result<Vec<u8>, RepositoryError> {
        self.sign(text, at, |message, pair| Ok(Signer::new(message, pair)?.cleartext()))
    }

    /// A signature beside the text, as `Release.gpg` is.
    ///
    /// # Errors
    /// When the key was not valid at that time.
    pub fn sign_detached(&self, text: &str, at: Epoch) -> Result<Vec<u8>, RepositoryError> {
        self.sign(text, at, |message, pair| {
            let armoured = Armorer::new(message).kind(armor::Kind::Signature).build()?;
            Ok(Signer::new(armoured, pair)?.detached())
        })
    }

    fn sign(
        &self,
        text: &str,
        at: Epoch,
        begin: impl for<'a> Fn(Message<'a>, KeyPair) -> openpgp::Result<Signer<'a>>,
    ) -> Result<Vec<u8>, RepositoryError> {
        let pair = self.pair(at)?;
        let write = || -> openpgp::Result<Vec<u8>> {
            let mut signed = Vec::new();
            let signer = begin(Message::new(&mut signed), pair)?.creation_time(at.to_system_time());
            let mut message = signer.build()?;
            message.write_all(text.as_bytes())?;
            message.finalize()?;
            Ok(signed)
        };
        write().map_err(|error| self.fault(&error))
    }

    /// The part of the key that signs.
    fn pair(&self, at: Epoch) -> Result<KeyPair, RepositoryError> {
        let wrong =
            |why: &str| RepositoryError::KeyCannotSign { path: self.path.display().to_string(), why: why.to_owned() };
        let policy = StandardPolicy::new();
        let keys = self.cert.keys().with_policy(&policy, at.to_system_time()).supported().alive().revoked(false);
        let mut secret = keys.for_signing().secret().peekable();
        if secret.peek().is_none() {
            return Err(wrong("it has no secret key that is valid and may sign"));
        }
        let open = secret.find(|key| !key.key().secret().is_encrypted());
        let open = open.ok_or_else(|| wrong("it is protected by a passphrase"))?;
        open.key().clone().into_keypair().map_err(|error| self.fault(&error))
    }

    fn fault(&self, error: &openpgp::anyhow::Error) -> RepositoryError {
        RepositoryError::KeyCannotSign { path: self.path.display().to_string(), why: error.to_string() }
    }
}
