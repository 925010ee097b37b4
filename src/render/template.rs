//! The Handlebars templates. They are embedded in the binary; a file of the same name in the project's folder replaces one.
//! A variable that does not exist is an error, also in a condition. Nothing is escaped unless a template asks for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use handlebars::{
    Context as Data, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, RenderContext, RenderErrorReason,
    Renderable, handlebars_helper, no_escape,
};
use serde::Serialize;

use super::error::RenderError;

/// A template that is part of the program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template {
    /// Its path in this repository, and in a project that replaces it: `debian/postinst`.
    pub(super) name: &'static str,
    /// Its text, if the project does not replace it.
    pub(super) text: &'static str,
}

/// The template with this path in the repository, embedded at compile time.
macro_rules! template {
    ($($name:literal),+) => {
        $crate::render::template::Template {
            name: concat!($($name),+),
            text: include_str!(concat!("../../", $($name),+)),
        }
    };
}
pub(super) use template;

/// Renders the templates of one project with one set of variables.
pub(super) struct Templates {
    folder: PathBuf,
    engine: Handlebars<'static>,
    data: Data,
    known: String,
}

impl Templates {
    /// The templates for the project in `folder`. The variables are the fields of `values`.
    ///
    /// # Errors
    /// When `values` cannot be written as JSON, which the engine needs.
    pub(super) fn of_project(folder: &Path, values: &impl Serialize) -> Result<Self, RenderError> {
        let data = Data::wraps(values).map_err(|error| RenderError::Values(error.to_string()))?;
        let names = data.data().as_object().into_iter().flat_map(|map| map.keys());
        let known = names.map(String::as_str).collect::<Vec<_>>().join(", ");
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(no_escape);
        engine.register_helper("if", Box::new(StrictCondition { renders_when: true }));
        engine.register_helper("unless", Box::new(StrictCondition { renders_when: false }));
        engine.register_helper("unit_value", Box::new(unit_value));
        engine.register_helper("argument", Box::new(argument));
        engine.register_helper("shell", Box::new(shell));
        engine.register_helper("yaml", Box::new(yaml));
        engine.register_helper("hcl", Box::new(hcl));
        engine.register_helper("environment_value", Box::new(environment_value));
        Ok(Self { folder: folder.to_owned(), engine, data, known })
    }

    /// The same templates with other values for the variables.
    ///
    /// # Errors
    /// As [`Templates::of_project`].
    pub(super) fn with_values(&self, values: &impl Serialize) -> Result<Self, RenderError> {
        let data = Data::wraps(values).map_err(|error| RenderError::Values(error.to_string()))?;
        Ok(Self { folder: self.folder.clone(), engine: self.engine.clone(), data, known: self.known.clone() })
    }

    /// Renders a template: the project's own file, else the embedded text.
    ///
    /// # Errors
    /// When the project's own cannot be read, when it has a mistake, or uses a variable that does not exist.
    pub(super) fn render(&self, template: Template) -> Result<String, RenderError> {
        match self.render_own(template.name)? {
            Some(own) => Ok(own),
            None => self.render_text(template.name, template.text),
        }
    }

    /// Renders the project's own template of that name, if it has one.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub(super) fn render_own(&self, name: &str) -> Result<Option<String>, RenderError> {
        self.read_own(name)?.map(|text| self.render_text(name, &text)).transpose()
    }

    fn read_own(&self, name: &str) -> Result<Option<String>, RenderError> {
        let path = self.folder.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => check_own(name, &text).map(|()| Some(text)),
            // A link that leads nowhere is an error: the user meant it to be a template.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
                    && !path.is_symlink() =>
            {
                Ok(None)
            }
            Err(source) => Err(RenderError::Unreadable { path: path.display().to_string(), source }),
        }
    }

    /// Makes a template usable in others, as `{{> NAME}}`: NAME is its file name without the folder. The project's own
    /// takes its place, as in [`Templates::render`].
    ///
    /// # Errors
    /// When the project's own cannot be read, or the template has a mistake.
    pub(super) fn add_part(&mut self, template: Template) -> Result<(), RenderError> {
        let own = self.read_own(template.name)?;
        let parsed = parse(template.name, own.as_deref().unwrap_or(template.text))?;
        let part = template.name.rsplit('/').next().unwrap_or(template.name);
        self.engine.register_template(part, parsed);
        Ok(())
    }

    fn render_text(&self, name: &str, text: &str) -> Result<String, RenderError> {
        let parsed = parse(name, text)?;
        let mut engine = self.engine.clone();
        engine.register_template(name, parsed);
        engine.render_with_context(name, &self.data).map_err(|error| self.explain(name, &error))
    }

    fn explain(&self, name: &str, error: &handlebars::RenderError) -> RenderError {
        // In a part of a template (`{{> NAME}}`), the error names the part and its line.
        let template = error.template_name.clone().unwrap_or_else(|| name.to_owned());
        let line = error.line_no.unwrap_or(1);
        let variable = match error.reason() {
            RenderErrorReason::MissingVariable(Some(path)) => format!("`{path}`"),
            RenderErrorReason::ParamNotFoundForName(helper, _) => format!("what follows `{helper}`"),
            RenderErrorReason::HelperNotFound(helper) => format!("`{helper}`"),
            other => return RenderError::Syntax { template, line, reason: other.to_string() },
        };
        RenderError::UnknownVariable { template, line, variable, known: self.known.clone() }
    }
}

/// Checks what a project's own template may not have in it.
fn check_own(name: &str, text: &str) -> Result<(), RenderError> {
    let template = || name.to_owned();
    for (line, number) in text.split('\n').zip(1..) {
        if line.ends_with('\r') {
            return Err(RenderError::CarriageReturn { template: template(), line: number });
        }
        if line.trim() == "#DEBHELPER#" {
            return Err(RenderError::Debhelper { template: template(), line: number });
        }
    }
    Ok(())
}

fn parse(name: &str, text: &str) -> Result<handlebars::Template, RenderError> {
    handlebars::Template::compile_with_name(text, name.to_owned()).map_err(|error| {
        let (line, _) = error.pos().unwrap_or((1, 1));
        RenderError::Syntax { template: name.to_owned(), line, reason: error.reason().to_string() }
    })
}

/// `{{#if}}` and `{{#unless}}`. For the engine's own helpers, a variable that does not exist is false, also in strict mode.
/// Then a misspelt condition would silently leave something out.
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

// For a value at the end of a line in a unit file (systemd.unit(5)): `%` begins a specifier there. A backslash at the end
// would join the next line to this one; the blank after it, which systemd takes off, prevents that.
handlebars_helper!(unit_value: |text: str| {
    let end = if text.ends_with('\\') { " " } else { "" };
    text.replace('%', "%%") + end
});

// For an argument between double quotes in ExecStart= (systemd.service(5), "Command lines").
handlebars_helper!(argument: |text: str| {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$")
});

// For a value between double quotes in an EnvironmentFile= (systemd.exec(5)): these four may be escaped there.
handlebars_helper!(environment_value: |text: str| {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('`', "\\`")
});

// A text as one word of a shell.
handlebars_helper!(shell: |text: str| format!("'{}'", text.replace('\'', "'\\''")));

// A text as YAML writes it between double quotes (YAML 1.2.2, 5.7): whatever is in it, it stays one text.
handlebars_helper!(yaml: |text: str| {
    let escape = |character: char| match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        ' '..='~' => character.to_string(),
        other => format!("\\U{:08X}", u32::from(other)),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
});

// A text between double quotes in Terraform's language ("Strings and Templates"): `${` and `%{` begin a template there.
handlebars_helper!(hcl: |text: str| {
    let escape = |character: char| match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        control if control.is_control() => format!("\\u{:04x}", u32::from(control)),
        other => other.to_string(),
    };
    text.chars().map(escape).collect::<String>().replace("${", "$${").replace("%{", "%%{")
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::context::Context;

    fn render(text: &str) -> Result<String, RenderError> {
        Templates::of_project(Path::new("/nonexistent"), &Context::sample()).unwrap().render_text("debian/test", text)
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
    fn a_part_may_be_the_projects_own_and_its_mistakes_have_their_place() {
        let part = |text| Template { name: "debian/part", text };
        let mut ours = Templates::of_project(Path::new("/nonexistent"), &Context::sample()).unwrap();
        ours.add_part(part("\tours of {{name}}\n")).unwrap();
        assert_eq!(ours.render_text("debian/whole", "a\n{{> part}}\nb\n").unwrap(), "a\n\tours of stack\nb\n");
        ours.add_part(part("\n\n{{typo}}")).unwrap();
        match ours.render_text("debian/whole", "{{> part}}") {
            Err(RenderError::UnknownVariable { template, line: 3, .. }) => assert_eq!(template, "debian/part"),
            other => panic!("{other:?}"),
        }

        let project = tempfile::tempdir().unwrap();
        fs::create_dir(project.path().join("debian")).unwrap();
        fs::write(project.path().join("debian/part"), "theirs of {{name}}").unwrap();
        let mut theirs = Templates::of_project(project.path(), &Context::sample()).unwrap();
        theirs.add_part(part("ours")).unwrap();
        assert_eq!(theirs.render_text("debian/whole", "{{> part}}").unwrap(), "theirs of stack");
        fs::write(project.path().join("debian/part"), "\n{{#if name}}").unwrap();
        assert!(
            matches!(theirs.add_part(part("ours")), Err(RenderError::Syntax { template, .. }) if template == "debian/part")
        );
    }

    #[test]
    fn values_are_written_as_they_are() {
        assert_eq!(render("{{summary}}").unwrap(), "50% <b>&\"quoted\"</b>");
        assert_eq!(render("{{unit_value summary}}").unwrap(), "50%% <b>&\"quoted\"</b>");
        assert_eq!(render("{{shell summary}}").unwrap(), "'50% <b>&\"quoted\"</b>'");
        assert_eq!(render("{{argument summary}}").unwrap(), "50%% <b>&\\\"quoted\\\"</b>");
    }

    #[test]
    fn a_text_stays_one_in_terraform() {
        let render = |text: &str| {
            let values = serde_json::json!({ "text": text });
            Templates::of_project(Path::new("/nonexistent"), &values)
                .unwrap()
                .render_text("a.tf", "{{hcl text}}")
                .unwrap()
        };
        assert_eq!(render("a/b-ü 'c' $d %e {f}"), "a/b-ü 'c' $d %e {f}");
        assert_eq!(render("\"a\" \\ ${b} %{c}\n"), "\\\"a\\\" \\\\ $${b} %%{c}\\u000a");
    }
}
