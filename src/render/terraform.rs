//! What runs a stack on several machines: a configuration for Terraform or OpenTofu, from the templates in
//! `image/terraform/`. A [`Stack`] and what is known of the folder come in; files with their names there go out.

use serde::Serialize;

use super::RenderError;
use super::template::{Template, Templates, template};
use super::user_data::database_ca_path;
use crate::stack::Stack;

/// What the templates know beside the stack.
#[derive(Debug, Clone, Copy)]
pub struct TerraformFacts<'a> {
    /// The image's file, relative to the configuration's folder.
    pub image_file: &'a str,
    /// The image's label in the account.
    pub image_label: &'a str,
    /// What all other labels begin with.
    pub label: &'a str,
    /// How long that may be, in characters.
    pub longest_label: usize,
}

/// A file of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerraformFile {
    /// Its name in the configuration's folder.
    pub name: &'static str,
    /// What is in it.
    pub content: String,
}

/// The variables of the templates.
#[derive(Serialize)]
struct Variables<'a> {
    name: &'a str,
    port: u16,
    health_path: &'a str,
    has_database: bool,
    database_ca_path: String,
    image_file: &'a str,
    image_label: &'a str,
    label: &'a str,
    longest_label: usize,
}

/// Which stacks have a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Every,
    /// Those with a database.
    Database,
}

macro_rules! source {
    ($for:ident, $name:literal) => {
        source!($for, $name, $name)
    };
    ($for:ident, $name:literal, $template:literal) => {
        ($name, template!("image/terraform/", $template), For::$for)
    };
}

const SOURCES: &[(&str, Template, For)] = &[
    // A template of that very name would hide files of the project itself from git.
    source!(Every, ".gitignore", "gitignore"),
    source!(Every, "balancer.tf"),
    source!(Database, "database.tf"),
    source!(Every, "firewall.tf"),
    source!(Every, "image.tf"),
    source!(Every, "network.tf"),
    source!(Every, "outputs.tf"),
    source!(Every, "provider.tf"),
    source!(Every, "stack.tf"),
    source!(Every, "user-data.yaml.tftpl"),
    source!(Every, "variables.tf"),
    source!(Every, "web.tf"),
];

/// Renders all files, in the order of their names.
///
/// # Errors
/// When a template of the project cannot be read, is wrong, or uses an unknown variable.
pub fn terraform_files(stack: &Stack, facts: &TerraformFacts) -> Result<Vec<TerraformFile>, RenderError> {
    let name = &stack.package.name;
    let variables = Variables {
        name: name.as_str(),
        port: stack.site.port,
        health_path: &stack.health.path,
        has_database: stack.database.is_some(),
        database_ca_path: database_ca_path(name),
        image_file: facts.image_file,
        image_label: facts.image_label,
        label: facts.label,
        longest_label: facts.longest_label,
    };
    let templates = Templates::of_project(&stack.folder, &variables)?;
    let wanted = SOURCES.iter().filter(|(_, _, who)| *who == For::Every || stack.database.is_some());
    wanted.map(|&(name, template, _)| Ok(TerraformFile { name, content: templates.render(template)? })).collect()
}
