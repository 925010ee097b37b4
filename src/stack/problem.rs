//! Collects what is wrong with a manifest, and where. Makes of all mistakes one error, which miette prints with
//! the lines in question.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// Why a value is not valid. Its help says what to write instead.
pub(super) type Mistake = Box<dyn Diagnostic + Send + Sync>;

/// Why a manifest gave no [`Stack`](super::Stack).
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LoadError {
    #[error("there is no stack.toml in {0}")]
    #[diagnostic(help("name the project's folder or its stack.toml, or begin a project with `stackdeb new NAME`"))]
    NoManifest(String),
    #[error("cannot read {path}: {source}")]
    #[diagnostic(help("check that it is a file and that you may read it"))]
    Unreadable {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} has no variant `{name}`{}", suggestion.as_ref().map_or(String::new(), |known| format!(": did you mean `{known}`?")))]
    #[diagnostic(help("{}", if known.is_empty() { format!("it has none at all; a table [variant.{name}] makes one") } else { format!("its variants are: {known}") }))]
    NoVariant {
        path: String,
        name: String,
        suggestion: Option<String>,
        /// The names of all, separated by commas.
        known: String,
    },
    #[error(transparent)]
    #[diagnostic(transparent)]
    One(Box<Problem>),
    /// In the order of their lines.
    #[error("{path} has {} mistakes", problems.len())]
    Several {
        path: String,
        #[related]
        problems: Vec<Problem>,
    },
}

/// One mistake in a manifest, with its place.
#[derive(Debug)]
pub struct Problem {
    key: String,
    mistake: Mistake,
    span: Range<usize>,
    source: NamedSource<Arc<str>>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.mistake)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.mistake.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let others = self.mistake.labels().into_iter().flatten();
        Some(Box::new(std::iter::once(LabeledSpan::underline(self.span.clone())).chain(others)))
    }
}

/// What a message about a mistake points at.
#[derive(Debug, Clone)]
pub(super) struct ManifestPlace {
    /// The key with its table: `site.port`. Empty for the file as a whole.
    pub(super) key: String,
    /// The bytes of the manifest that are underlined.
    pub(super) span: Range<usize>,
}

/// The mistakes found so far.
#[derive(Default)]
pub(super) struct Problems(RefCell<Vec<(ManifestPlace, Mistake)>>);

impl Problems {
    pub(super) fn add(&self, place: &ManifestPlace, mistake: impl Diagnostic + Send + Sync + 'static) {
        self.0.borrow_mut().push((place.clone(), Box::new(mistake)));
    }

    /// Adds the mistakes of `others` that are not known yet, each with the place that `place` makes of its own.
    pub(super) fn absorb(&self, others: Self, place: impl Fn(ManifestPlace) -> ManifestPlace) {
        let mut known = self.0.borrow_mut();
        for (at, mistake) in others.0.into_inner() {
            let is_same = |(known, other): &(ManifestPlace, Mistake)| {
                known.key == at.key && known.span == at.span && other.to_string() == mistake.to_string()
            };
            if !known.iter().any(is_same) {
                known.push((place(at), mistake));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Makes the error that shows all mistakes in `text`. `path` is what the user sees as the file's name.
    pub(super) fn into_error(self, path: &str, text: &str) -> LoadError {
        let mut found = self.0.into_inner();
        found.sort_by_key(|(place, _)| place.span.start);
        let source = NamedSource::new(path, Arc::<str>::from(text)).with_language("TOML");
        let with_source = |(place, mistake): (ManifestPlace, Mistake)| Problem {
            key: place.key,
            mistake,
            span: place.span,
            source: source.clone(),
        };
        let mut problems: Vec<Problem> = found.into_iter().map(with_source).collect();
        match problems.pop() {
            Some(only) if problems.is_empty() => LoadError::One(Box::new(only)),
            last => {
                problems.extend(last);
                LoadError::Several { path: path.to_owned(), problems }
            }
        }
    }
}
