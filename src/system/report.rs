//! How errors are printed. Their words may come from elsewhere, so they are shown as [`super::words`] says; the colours
//! of the report itself stay.

use std::error::Error;
use std::fmt::{self, Display};

use miette::{Diagnostic, LabeledSpan, MietteHandler, MietteHandlerOpts, ReportHandler, Severity, SourceCode};

use super::words::{coloured, shown};

/// Makes all reports of this program print in this way. Call it once, when the program starts.
///
/// # Errors
/// When another way was set before.
pub fn install() -> miette::Result<()> {
    Ok(miette::set_hook(Box::new(|_| Box::new(Handler(MietteHandlerOpts::new().build()))))?)
}

struct Handler(MietteHandler);

impl ReportHandler for Handler {
    fn debug(&self, error: &dyn Diagnostic, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return fmt::Debug::fmt(error, f);
        }
        let text = format!("{:?}", RenderedReport(&self.0, &Shown::of(error)));
        // Once more, for the lines of a file that the report quotes.
        f.write_str(&coloured(&text))
    }
}

struct RenderedReport<'a>(&'a MietteHandler, &'a Shown<'a>);

impl fmt::Debug for RenderedReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.debug(self.1, f)
    }
}

/// An error with the words that may be shown.
#[derive(Debug)]
struct Shown<'a> {
    inner: &'a dyn Diagnostic,
    text: String,
    cause: Option<Cause>,
    diagnosed_cause: Option<Box<Shown<'a>>>,
    related: Vec<Shown<'a>>,
}

/// What caused an error, and what caused that.
#[derive(Debug)]
struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl<'a> Shown<'a> {
    fn of(inner: &'a dyn Diagnostic) -> Self {
        Self {
            inner,
            text: words(&inner),
            cause: inner.source().map(Cause::of),
            diagnosed_cause: inner.diagnostic_source().map(|cause| Box::new(Self::of(cause))),
            related: inner.related().into_iter().flatten().map(Self::of).collect(),
        }
    }
}

impl Cause {
    fn of(error: &(dyn Error + 'static)) -> Self {
        Self { text: words(&error), source: error.source().map(|source| Box::new(Self::of(source))) }
    }
}

fn words(text: &dyn Display) -> String {
    shown(&text.to_string()).into_owned()
}

fn boxed<'a>(text: Box<dyn Display + 'a>) -> Box<dyn Display + 'a> {
    Box::new(words(&text))
}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl Error for Shown<'_> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl Diagnostic for Shown<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn Display + 'b>> {
        self.inner.code().map(boxed)
    }

    fn severity(&self) -> Option<Severity> {
        self.inner.severity()
    }

    fn help<'b>(&'b self) -> Option<Box<dyn Display + 'b>> {
        self.inner.help().map(boxed)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.inner.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.inner.labels()?.map(|mut label| {
            let text = label.label().map(|text| shown(text).into_owned());
            label.set_label(text);
            label
        });
        Some(Box::new(labels))
    }

    fn related<'b>(&'b self) -> Option<Box<dyn Iterator<Item = &'b dyn Diagnostic> + 'b>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|one| one as &dyn Diagnostic)))
    }

    fn diagnostic_source(&self) -> Option<&dyn Diagnostic> {
        self.diagnosed_cause.as_deref().map(|cause| cause as &dyn Diagnostic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::words::keep_secret;

    #[derive(Debug, thiserror::Error, miette::Diagnostic)]
    #[error("outer \x1b]0;owned\x07 {secret}")]
    #[diagnostic(help("help \x1b[2J"))]
    struct Hostile {
        secret: &'static str,
        #[source_code]
        file: String,
        #[label("label \r")]
        place: (usize, usize),
        #[source]
        cause: std::io::Error,
    }

    #[test]
    fn a_report_has_the_same_parts_and_nothing_that_acts() {
        keep_secret("report-test-hunter2");
        let error = Hostile {
            secret: "report-test-hunter2",
            file: "key = \"report-test-hunter2\" \x1b[3J".to_owned(),
            place: (0, 3),
            cause: std::io::Error::other("inner \x1b[A"),
        };
        let handler = Handler(MietteHandlerOpts::new().build());
        struct Printed<'a>(&'a Handler, &'a Hostile);
        impl fmt::Debug for Printed<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.debug(self.1, f)
            }
        }
        let text = format!("{:?}", Printed(&handler, &error));
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "outer \\u{1b}]0;owned\\u{7} [secret]",
            "help \\u{1b}[2J",
            "label",
            "inner \\u{1b}[A",
            "key = \"[secret]\"",
        ] {
            assert!(flat.contains(part), "{part} is missing:\n{text}");
        }
        assert!(!text.contains("hunter2") && !text.contains(['\x07', '\r']), "{text}");
        let mut parts = text.split('\x1b').skip(1);
        let acting = parts.any(|part| {
            let letter = part.find(|character: char| character.is_ascii_alphabetic());
            !part.starts_with('[')
                || letter.and_then(|place| part.get(place..)).is_none_or(|rest| !rest.starts_with('m'))
        });
        assert!(!acting, "{text:?}");
    }
}
