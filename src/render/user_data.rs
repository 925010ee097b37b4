//! The user data that cloud-init reads at the first boot of a new instance: a [`Stack`] and [`InstanceFacts`] →
//! text, from the template `image/user-data`.

use serde::Serialize;

use super::RenderError;
use super::context::Variable;
use super::template::{Templates, template};
use crate::control::PackageName;
use crate::stack::Stack;

/// What differs from instance to instance.
#[derive(Clone, Copy)]
pub struct InstanceFacts<'a> {
    pub hostname: &'a str,
    /// Root's public SSH keys, one line each.
    pub keys: &'a [&'a str],
    /// Names and values that are added to `/etc/NAME/NAME.env`. Each value has one line.
    pub environment: &'a [(String, String)],
    /// Names and values for the file with which the instance makes the app's role in a remote database.
    pub database_admin: &'a [(String, String)],
    /// The networks of balancers, in CIDR notation.
    pub balancers: &'a [String],
    /// The names of the other stacks in the image.
    pub further: &'a [&'a str],
    /// The certificates that the server of a remote database is verified with, in PEM.
    pub database_ca: Option<&'a str>,
    /// The SSH host key of the instance: the private half as OpenSSH writes it, and the public one in one line.
    pub host_key: Option<(&'a str, &'a str)>,
}

/// The variables of the template.
#[derive(Serialize)]
struct UserDataVariables<'a> {
    name: &'a str,
    version: String,
    hostname: &'a str,
    keys: &'a [&'a str],
    has_files: bool,
    has_environment: bool,
    environment: Vec<Variable>,
    has_database_admin: bool,
    database_admin: Vec<Variable>,
    has_balancers: bool,
    balancers: &'a [String],
    /// The names of the stacks behind the balancers.
    balanced: Vec<&'a str>,
    has_database_ca: bool,
    database_ca: Vec<&'a str>,
    database_ca_path: String,
    has_host_key: bool,
    host_key_private: Vec<&'a str>,
    host_key_public: &'a str,
}

/// The path of [`InstanceFacts::database_ca`] on the instance.
pub fn database_ca_path(name: &PackageName) -> String {
    format!("/etc/{name}/database-ca.pem")
}

/// Renders the user data of an instance. It is a secret, because it may contain a password.
///
/// # Errors
/// When the project has a template of its own that cannot be read, has a mistake, or uses an unknown variable.
pub fn user_data(stack: &Stack, facts: &InstanceFacts) -> Result<String, RenderError> {
    let name = &stack.package.name;
    let environment = facts.environment.iter();
    let variables = UserDataVariables {
        name: name.as_str(),
        version: stack.package.version.to_string(),
        hostname: facts.hostname,
        keys: facts.keys,
        has_files: !facts.environment.is_empty() || !facts.balancers.is_empty() || facts.database_ca.is_some(),
        has_environment: !facts.environment.is_empty(),
        environment: environment.map(|(name, value)| Variable::new(name, value)).collect(),
        has_database_admin: !facts.database_admin.is_empty(),
        database_admin: facts.database_admin.iter().map(|(name, value)| Variable::new(name, value)).collect(),
        has_balancers: !facts.balancers.is_empty(),
        balancers: facts.balancers,
        balanced: if facts.balancers.is_empty() { Vec::new() } else { [&[name.as_str()], facts.further].concat() },
        has_database_ca: facts.database_ca.is_some(),
        database_ca: facts.database_ca.map(|text| text.lines().collect()).unwrap_or_default(),
        database_ca_path: database_ca_path(name),
        has_host_key: facts.host_key.is_some(),
        host_key_private: facts.host_key.map(|(private, _)| private.lines().collect()).unwrap_or_default(),
        host_key_public: facts.host_key.map(|(_, public)| public).unwrap_or_default(),
    };
    Templates::of_project(&stack.folder, &variables)?.render(template!("image/user-data"))
}
