//! Signatures of Release files: a clear-signed file → the text that a key of the distribution has signed. No other part
//! of the file is used.

use std::io::Read;
use std::time::SystemTime;

use sequoia_openpgp as openpgp;

use openpgp::cert::CertParser;
use openpgp::parse::Parse;
use openpgp::parse::stream::{MessageLayer, MessageStructure, VerificationError, VerificationHelper, VerifierBuilder};
use openpgp::policy::StandardPolicy;
use openpgp::{Cert, KeyHandle};

use crate::system::epoch::Epoch;

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const END: &[u8] = b"-----END PGP SIGNATURE-----";

/// Certificates that are trusted to sign Release files.
#[derive(Debug, Clone)]
pub struct Keyring {
    certificates: Vec<Cert>,
}

/// Why a keyring cannot be used.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the keyring {name} cannot be used: {reason}")]
#[diagnostic(help("give a file of OpenPGP certificates, such as /usr/share/keyrings/debian-archive-keyring.gpg"))]
pub struct KeyringError {
    /// The path of the file, or "the archive keyring of …".
    pub name: String,
    pub reason: String,
}

/// Why a signed text is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("it is not a single clear-signed message: {0}")]
    NotClearSigned(String),
    #[error("it has no signature by a known key; the signatures are by {0}")]
    UnknownKey(String),
    /// The key had expired or was revoked when the text was signed, or it is no signing key.
    #[error("the key that signed it may not sign: {0}")]
    BadKey(String),
    #[error("its signature is wrong, so it was changed after it was signed: {0}")]
    Tampered(String),
    #[error("it was signed in the future: {0}")]
    FromTheFuture(String),
}

impl Keyring {
    /// Reads certificates in OpenPGP's binary form or in ASCII armour. `name` is for error messages.
    ///
    /// # Errors
    /// When the bytes are not certificates, or have no certificate in them.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, KeyringError> {
        let fail = |reason: String| KeyringError { name: name.to_owned(), reason };
        let parser = CertParser::from_bytes(bytes).map_err(|error| fail(error.to_string()))?;
        let certificates: Vec<Cert> = parser.collect::<Result<_, _>>().map_err(|error| fail(error.to_string()))?;
        if certificates.is_empty() {
            return Err(fail("it holds no certificate".to_owned()));
        }
        Ok(Self { certificates })
    }

    /// Returns the text that was signed. One good signature by a known key is enough, as for apt. The key must have
    /// been valid at the time of the signature, and that time must not be after `now`.
    ///
    /// # Errors
    /// When there is no good signature, or text outside the signed message.
    pub fn verify(&self, message: &[u8], now: Epoch) -> Result<String, SignatureError> {
        check_frame(message)?;
        let policy = StandardPolicy::new();
        let mut verdict = None;
        let judge = Judge { certificates: &self.certificates, verdict: &mut verdict };
        let outcome = read_verified(message, &policy, now.to_system_time(), judge);
        // If `Judge` refuses, the reader fails as well. The verdict is the more precise of the two errors.
        let text = match (verdict, outcome) {
            (Some(Ok(())), Ok(text)) => text,
            (Some(Err(error)), _) => return Err(error),
            (_, Err(error)) => return Err(SignatureError::NotClearSigned(error.to_string())),
            (None, Ok(_)) => return Err(SignatureError::NotClearSigned("it has no signature".to_owned())),
        };
        String::from_utf8(text).map_err(|_| SignatureError::NotClearSigned("its text is not UTF-8".to_owned()))
    }
}

/// Who says to have signed a message: fingerprints or ids of keys. Nothing is verified.
pub fn signers(message: &[u8]) -> String {
    match (Keyring { certificates: Vec::new() }).verify(message, Epoch::now()) {
        Err(SignatureError::UnknownKey(keys)) => keys,
        _ => "nobody".to_owned(),
    }
}

fn read_verified(message: &[u8], policy: &StandardPolicy, time: SystemTime, judge: Judge) -> openpgp::Result<Vec<u8>> {
    let mut verifier = VerifierBuilder::from_bytes(message)?.with_policy(policy, time, judge)?;
    let mut text = Vec::new();
    verifier.read_to_end(&mut text)?;
    Ok(text)
}

/// Refuses text before or after the signed message. The verifier skips it, but another reader of the file may use it.
fn check_frame(message: &[u8]) -> Result<(), SignatureError> {
    let fail = |reason: &str| Err(SignatureError::NotClearSigned(reason.to_owned()));
    if !message.starts_with(BEGIN) {
        return fail("it does not begin with `-----BEGIN PGP SIGNED MESSAGE-----`");
    }
    if !message.trim_ascii_end().ends_with(END) {
        return fail("it does not end with `-----END PGP SIGNATURE-----`");
    }
    let lines = |wanted: &[u8]| message.split(|&byte| byte == b'\n').filter(|line| line.starts_with(wanted)).count();
    if lines(BEGIN) != 1 || lines(END) != 1 {
        return fail("there is more than one message in it");
    }
    Ok(())
}

struct Judge<'a> {
    certificates: &'a [Cert],
    verdict: &'a mut Option<Result<(), SignatureError>>,
}

impl VerificationHelper for Judge<'_> {
    fn get_certs(&mut self, issuers: &[KeyHandle]) -> openpgp::Result<Vec<Cert>> {
        let issued = |cert: &&Cert| cert.keys().key_handles(issuers.iter()).next().is_some();
        Ok(self.certificates.iter().filter(issued).cloned().collect())
    }

    fn check(&mut self, structure: MessageStructure) -> openpgp::Result<()> {
        let verdict = judge(structure);
        *self.verdict = Some(verdict.clone());
        Ok(verdict?)
    }
}

/// Accepts a message if one of its signatures is good. Otherwise returns the most useful error: that of a known
/// key, if one has signed.
fn judge(structure: MessageStructure) -> Result<(), SignatureError> {
    let mut unknown = Vec::new();
    let mut known = None;
    for layer in structure {
        let MessageLayer::SignatureGroup { results } = layer else { continue };
        for result in results {
            match result {
                Ok(_) => return Ok(()),
                Err(VerificationError::MissingKey { sig }) => {
                    unknown.extend(sig.get_issuers().first().map(ToString::to_string));
                }
                Err(error) => known = known.or(Some(explain(&error))),
            }
        }
    }
    if let Some(error) = known {
        return Err(error);
    }
    let keys = if unknown.is_empty() { "nobody".to_owned() } else { unknown.join(", ") };
    Err(SignatureError::UnknownKey(keys))
}

fn explain(error: &VerificationError) -> SignatureError {
    match error {
        VerificationError::UnboundKey { cert, error, .. } => {
            SignatureError::BadKey(format!("{}: {}", cert.keyid(), chain(error)))
        }
        VerificationError::BadKey { ka, error, .. } => {
            SignatureError::BadKey(format!("{}: {}", ka.key().keyid(), chain(error)))
        }
        VerificationError::BadSignature { error, .. }
            if matches!(error.downcast_ref(), Some(openpgp::Error::NotYetLive(_))) =>
        {
            SignatureError::FromTheFuture(chain(error))
        }
        other => SignatureError::Tampered(other.to_string()),
    }
}

fn chain(error: &openpgp::anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apt::suite::Distribution;

    #[test]
    fn the_embedded_keyrings_hold_the_archives_keys() {
        let debian = Keyring::from_bytes("Debian", Distribution::Debian.keyring()).unwrap();
        // The signing keys of Debian 12 and 13, as https://ftp-master.debian.org/keys.html lists them.
        for key in ["B7C5D7D6350947F8", "225629DF75B188BD", "9904613D4CCE68C6", "762F67A0B2C39DE4"] {
            assert!(debian.certificates.iter().any(|cert| cert.keyid().to_hex() == key), "{key}");
        }
        let ubuntu = Keyring::from_bytes("Ubuntu", Distribution::Ubuntu.keyring()).unwrap();
        assert!(ubuntu.certificates.iter().any(|cert| cert.keyid().to_hex() == "871920D1991BC93C"));
    }

    #[test]
    fn what_is_no_keyring_is_refused() {
        for bytes in [&b""[..], b"hello"] {
            assert!(Keyring::from_bytes("x.gpg", bytes).unwrap_err().to_string().contains("x.gpg"));
        }
    }
}
