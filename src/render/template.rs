//! The Handlebars templates: embedded in the binary, each replaced by the file of the same name in the project's folder
//! if there is one. Strict: what a template names has to exist, also in a condition. Nothing is escaped but where a
//! template asks for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use handlebars::{
    Context as Data, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, RenderContext, RenderErrorReason,
    Renderable, handlebars_helper, no_escape,
};

use super::context::Context;
use super::error::RenderError;

/// Names each file once, with its text.
macro_rules! embedded {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../", $name)))),*] };
}

/// Every template, with its name relative to the project's folder.
const EMBEDDED: &[(&str, &str)] = embedded! {
    "debian/app.env"
    "debian/copyright"
    "debian/gunicorn.conf.py"
    "debian/lintian-overrides"
    "debian/logrotate"
    "debian/postinst"
    "debian/postrm"
    "debian/prerm"
    "debian/provision-database"
    "debian/sysusers.conf"
    "debian/tmpfiles.conf"
    "nginx/site.conf"
    "units/app.service"
    "units/app.socket"
    "units/database.service"
    "units/health.service"
    "units/health.timer"
};

/// The templates of one project, with the values for them.
pub(super) struct Templates {
    folder: PathBuf,
    engine: Handlebars<'static>,
    data: Data,
    known: String,
}

impl Templates {
    /// The templates for the project in `folder`.
    pub(super) fn of_project(folder: &Path, context: Context) -> Result<Self, RenderError> {
        let known = context.names();
        let data = Data::from(context.into_json());
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(no_escape);
        engine.register_helper("if", Box::new(StrictCondition { renders_when: true }));
        engine.register_helper("unless", Box::new(StrictCondition { renders_when: false }));
        engine.register_helper("unit_value", Box::new(unit_value));
        engine.register_helper("argument", Box::new(argument));
        engine.register_helper("environment_value", Box::new(environment_value));
        Ok(Self { folder: folder.to_owned(), engine, data, known })
    }

    /// Renders the template of that name.
    ///
    /// # Errors
    /// When there is none, when it has a mistake, or uses a variable that does not exist.
    pub(super) fn render(&self, name: &str) -> Result<String, RenderError> {
        if let Some(own) = self.render_own(name)? {
            return Ok(own);
        }
        let embedded = EMBEDDED.iter().find(|(embedded, _)| *embedded == name);
        let (_, text) = embedded
            .ok_or_else(|| RenderError::Unreadable { path: name.to_owned(), source: io::ErrorKind::NotFound.into() })?;
        self.render_text(name, text)
    }

    /// Renders the project's own template of that name, if it has one.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub(super) fn render_own(&self, name: &str) -> Result<Option<String>, RenderError> {
        let path = self.folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => self.render_text(name, &text).map(Some),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(source) => Err(RenderError::Unreadable { path: path.display().to_string(), source }),
        }
    }

    fn render_text(&self, name: &str, text: &str) -> Result<String, RenderError> {
        let parsed = handlebars::Template::compile_with_name(text, name.to_owned()).map_err(|error| {
            let (line, _) = error.pos().unwrap_or((1, 1));
            RenderError::Syntax { template: name.to_owned(), line, reason: error.reason().to_string() }
        })?;
        let mut engine = self.engine.clone();
        engine.register_template(name, parsed);
        engine.render_with_context(name, &self.data).map_err(|error| self.explain(name, &error))
    }

    fn explain(&self, name: &str, error: &handlebars::RenderError) -> RenderError {
        let (template, line) = (name.to_owned(), error.line_no.unwrap_or(1));
        let variable = match error.reason() {
            RenderErrorReason::MissingVariable(Some(path)) => format!("`{path}`"),
            RenderErrorReason::ParamNotFoundForName(helper, _) => format!("what follows `{helper}`"),
            RenderErrorReason::HelperNotFound(helper) => format!("`{helper}`"),
            other => return RenderError::Syntax { template, line, reason: other.to_string() },
        };
        RenderError::UnknownVariable { template, line, variable, known: self.known.clone() }
    }
}

/// `{{#if}}` and `{{#unless}}`. The engine's own take a variable that does not exist for a false one, also in strict mode,
/// so that a misspelt condition would silently leave something out.
struct StrictCondition {
    renders_when: bool,
}

impl HelperDef for StrictCondition {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        engine: &'reg Handlebars<'reg>,
        data: &'rc Data,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let condition = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("if", 0))?;
        if condition.is_value_missing() {
            return Err(RenderErrorReason::MissingVariable(condition.relative_path().cloned()).into());
        }
        let chosen = match condition.value().is_truthy(false) == self.renders_when {
            true => helper.template(),
            false => helper.inverse(),
        };
        chosen.map_or(Ok(()), |template| template.render(engine, data, state, out))
    }
}

// For a value in a unit file: `%` begins a specifier there (systemd.unit(5)).
handlebars_helper!(unit_value: |text: str| text.replace('%', "%%"));

// For an argument between double quotes in ExecStart= (systemd.service(5), "Command lines").
handlebars_helper!(argument: |text: str| {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$")
});

// For a value between double quotes in an EnvironmentFile= (systemd.exec(5)): these four may be escaped there.
handlebars_helper!(environment_value: |text: str| {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`")
});

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, RenderError> {
        Templates::of_project(Path::new("/nonexistent"), Context::sample()).unwrap().render_text("debian/test", text)
    }

    #[test]
    fn unknown_variables_are_errors_with_their_place() {
        let bad = [
            "\n{{typo}}",
            "\n{{#if typo}}x{{/if}}",
            "\n{{#unless typo}}x{{/unless}}",
            "\n{{#if has_database}}{{else if typo}}x{{/if}}{{#unless has_database}}{{else}}{{typo}}{{/unless}}",
            "\n{{#each typo}}x{{/each}}",
            "\n{{unit_value typo}}",
            "\n{{#each environment}}{{this.typo}}{{/each}}",
            "\n{{typo name}}",
        ];
        for text in bad {
            match render(text) {
                Err(RenderError::UnknownVariable { template, line, known, .. }) => {
                    assert_eq!((template.as_str(), line), ("debian/test", 2), "{text}");
                    assert!(known.contains("health_interval"), "{known}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn mistakes_in_a_template_are_errors_with_their_line() {
        for text in ["\n{{#if name}}x", "\n{{name", "\n{{#if name}}{{/each}}"] {
            assert!(matches!(render(text), Err(RenderError::Syntax { line, .. }) if line >= 2), "{text}");
        }
    }

    #[test]
    fn values_are_written_as_they_are() {
        assert_eq!(render("{{summary}}").unwrap(), "50% <b>&\"quoted\"</b>");
        assert_eq!(render("{{unit_value summary}}").unwrap(), "50%% <b>&\"quoted\"</b>");
        assert_eq!(render("{{argument summary}}").unwrap(), "50%% <b>&\\\"quoted\\\"</b>");
    }
}
