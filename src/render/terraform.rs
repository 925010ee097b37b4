//! A configuration for Terraform or OpenTofu that runs a stack on several machines: a [`Stack`] and [`TerraformFacts`]
//! → the files of the configuration, from the templates in `image/terraform/`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::RenderError;
use super::template::{Template, Templates, template};
use super::user_data::database_ca_path;
use crate::stack::Stack;

/// What the templates need besides the stack.
#[derive(Debug, Clone, Copy)]
pub struct TerraformFacts<'a> {
    /// The path of the image file, relative to the configuration's folder.
    pub image_file: &'a str,
    /// The MD5 of the image file, in hexadecimal; empty if there is no file yet.
    pub image_hash: &'a str,
    /// The image's label in the account.
    pub image_label: &'a str,
    /// What all other labels begin with.
    pub label: &'a str,
    /// The longest `label` that the user can set, in characters.
    pub longest_label: usize,
    /// The sites of the other stacks in the image.
    pub further: &'a [FurtherSite],
}

/// The site of another stack in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FurtherSite {
    /// The name of its package.
    pub name: String,
    pub port: u16,
    pub https: bool,
    pub health_path: String,
}

/// A port of the web machines at which sites of other stacks answer, and this stack's does not.
#[derive(Serialize)]
struct FurtherPort<'a> {
    port: u16,
    /// The path that the balancer asks for there.
    health_path: &'a str,
}

/// A file of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerraformFile {
    pub name: &'static str,
    pub content: String,
}

/// Where the balancer serves this stack's site, unless another stack's is there.
const HTTP_PORT: u16 = 80;

/// The variables of the templates.
#[derive(Serialize)]
struct TerraformVariables<'a> {
    name: &'a str,
    port: u16,
    public_port: u16,
    /// What follows the balancer's name in the address of the site: nothing, or `:8080`.
    url_port: String,
    health_path: &'a str,
    has_tls: bool,
    further_ports: Vec<FurtherPort<'a>>,
    further_stacks: Vec<&'a str>,
    has_database: bool,
    /// The name of the database; empty for a stack without one.
    database: &'a str,
    database_ca_path: String,
    image_file: &'a str,
    image_hash: &'a str,
    image_label: &'a str,
    label: &'a str,
    longest_label: usize,
}

/// Which stacks get a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WantedBy {
    Every,
    Database,
}

macro_rules! entry {
    ($for:ident, $name:literal) => {
        entry!($for, $name, $name)
    };
    ($for:ident, $name:literal, $template:literal) => {
        ($name, template!("image/terraform/", $template), WantedBy::$for)
    };
}

const TEMPLATES: &[(&str, Template, WantedBy)] = &[
    // A template called .gitignore would make git ignore files of this repository.
    entry!(Every, ".gitignore", "gitignore"),
    entry!(Every, "balancer.tf"),
    entry!(Database, "database.tf"),
    entry!(Every, "firewall.tf"),
    entry!(Every, "image.tf"),
    entry!(Every, "interfaces.tf"),
    entry!(Every, "network.tf"),
    entry!(Every, "outputs.tf"),
    entry!(Every, "provider.tf"),
    entry!(Every, "stack.tf"),
    entry!(Every, "user-data.yaml.tftpl"),
    entry!(Every, "variables.tf"),
    entry!(Every, "web.tf"),
];

/// Renders all files that the stack needs, sorted by name.
///
/// # Errors
/// When the project has a template of its own that cannot be read, has a mistake, or uses an unknown variable.
pub fn terraform_files(stack: &Stack, facts: &TerraformFacts) -> Result<Vec<TerraformFile>, RenderError> {
    let (name, port) = (&stack.package.name, stack.site.port);
    let further: BTreeMap<u16, &str> = facts.further.iter().rev().map(|site| (site.port, &*site.health_path)).collect();
    // Two sites of the balancer cannot be at one port.
    let public_port = if further.contains_key(&HTTP_PORT) { port } else { HTTP_PORT };
    let is_other = |(other, _): &(u16, &str)| *other != port;
    let further_port = |(port, health_path)| FurtherPort { port, health_path };
    let variables = TerraformVariables {
        name: name.as_str(),
        port,
        public_port,
        url_port: if public_port == HTTP_PORT { String::new() } else { format!(":{public_port}") },
        health_path: &stack.health.path,
        has_tls: stack.site.has_tls() || facts.further.iter().any(|site| site.https),
        further_ports: further.into_iter().filter(is_other).map(further_port).collect(),
        further_stacks: facts.further.iter().map(|site| site.name.as_str()).collect(),
        has_database: stack.database.is_some(),
        database: stack.database.as_ref().map_or("", |database| &database.name),
        database_ca_path: database_ca_path(name),
        image_file: facts.image_file,
        image_hash: facts.image_hash,
        image_label: facts.image_label,
        label: facts.label,
        longest_label: facts.longest_label,
    };
    let templates = Templates::of_project(&stack.folder, &variables)?;
    let wanted = TEMPLATES.iter().filter(|(_, _, who)| *who == WantedBy::Every || stack.database.is_some());
    wanted.map(|&(name, template, _)| Ok(TerraformFile { name, content: templates.render(template)? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in the first column of the README's tables.
    fn documented() -> Vec<&'static str> {
        let text = include_str!("../../image/terraform/README.md");
        text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
    }

    #[test]
    fn the_readme_names_every_variable_and_every_template() {
        let variables = serde_json::to_value(TerraformVariables {
            name: "",
            port: 0,
            public_port: 0,
            url_port: String::new(),
            health_path: "",
            has_tls: false,
            further_ports: Vec::new(),
            further_stacks: Vec::new(),
            has_database: false,
            database: "",
            database_ca_path: String::new(),
            image_file: "",
            image_hash: "",
            image_label: "",
            label: "",
            longest_label: 0,
        });
        let variables = variables.unwrap();
        let variables = variables.as_object().unwrap().keys().map(String::as_str);
        let templates =
            TEMPLATES.iter().map(|(_, template, _)| template.name.strip_prefix("image/terraform/").unwrap());
        let mut expected: Vec<&str> = variables.chain(templates).collect();
        let mut documented = documented();
        expected.sort_unstable();
        documented.sort_unstable();
        assert_eq!(documented, expected);
    }
}
