//! The site: the variables that the templates have about what nginx answers to, its certificate and its files.

use serde::Serialize;

use super::static_files;
use crate::stack::{AppKind, Stack, Tls};

/// The port of the site that Debian's and Ubuntu's nginx packages enable.
const DEFAULT_SITE_PORT: u16 = 80;

/// What the templates have about the site.
#[derive(Debug, Default, Serialize)]
pub(super) struct SiteVariables {
    port: u16,
    /// Whether the site answers to these names alone. Otherwise the only name is `_`.
    has_server_names: bool,
    server_names: Vec<String>,
    /// The names of the site that have no wildcard.
    plain_names: Vec<String>,
    /// All of them, as Django's `ALLOWED_HOSTS` has them.
    allowed_hosts: String,
    /// Whether the health check sends a `Host:` header.
    has_host: bool,
    host: String,
    max_body_size: String,
    /// Whether the site uses the port of nginx's default site, which is then disabled.
    default_site_gives_way: bool,
    balancers: Vec<String>,

    /// Whether the site answers over HTTPS.
    has_tls: bool,
    /// Which certificate it has then: `acme`, `own` or `self-signed`; else empty.
    certificate_kind: String,
    has_acme: bool,
    /// The address of the certificate authority's directory.
    acme_server: String,
    has_email: bool,
    email: String,
    /// The administrator's own certificate and its key.
    certificate_file: String,
    key_file: String,

    /// Whether nginx serves files without the app.
    has_static_files: bool,
    static_paths: Vec<StaticPath>,
    /// The folders of all such files: `/` in either is `/` of the site.
    hashed_files: String,
    plain_files: String,
    /// Whether a page answers where there is no file, and the page's path.
    has_fallback: bool,
    fallback: String,
}

/// What the paths of files begin with that nginx serves.
#[derive(Debug, Serialize)]
struct StaticPath {
    path: String,
    /// The folder on the server that stands for `/` of such paths.
    root: String,
}

impl SiteVariables {
    pub(super) fn of(stack: &Stack) -> Self {
        let (name, site) = (&stack.package.name, &stack.site);
        let [hashed, plain] = [static_files::HASHED, static_files::PLAIN].map(|folder| folder.of(name));
        let paths: Vec<String> = stack.static_files().into_iter().map(|files| files.path).collect();
        let fallback = match &stack.app.kind {
            AppKind::Static(site) => site.fallback.clone(),
            AppKind::Python(_) | AppKind::Exec(_) => None,
        };
        Self {
            port: site.port,
            has_server_names: !site.answers_to_every_name(),
            server_names: site.server_names.clone(),
            plain_names: site.plain_names().map(str::to_owned).collect(),
            allowed_hosts: site.allowed_hosts(),
            has_host: site.host().is_some(),
            host: site.host().unwrap_or_default().to_owned(),
            max_body_size: site.max_body_size.clone(),
            default_site_gives_way: site.port == DEFAULT_SITE_PORT,
            balancers: site.behind.clone(),
            has_tls: site.has_tls(),
            has_static_files: !paths.is_empty(),
            // `/` itself is in nginx/files.
            static_paths: paths
                .into_iter()
                .filter(|path| path != "/")
                .map(|path| StaticPath { path, root: hashed.clone() })
                .collect(),
            hashed_files: hashed,
            plain_files: plain,
            has_fallback: fallback.is_some(),
            fallback: fallback.unwrap_or_default(),
            ..Self::of_certificate(&site.tls)
        }
    }

    fn of_certificate(tls: &Tls) -> Self {
        let kind = |kind: &str| Self { certificate_kind: kind.to_owned(), ..Self::default() };
        match tls {
            Tls::Off => Self::default(),
            Tls::SelfSigned => kind("self-signed"),
            Tls::Acme { email, server } => Self {
                has_acme: true,
                acme_server: server.clone(),
                has_email: email.is_some(),
                email: email.clone().unwrap_or_default(),
                ..kind("acme")
            },
            Tls::Files { certificate, key } => {
                Self { certificate_file: certificate.clone(), key_file: key.clone(), ..kind("own") }
            }
        }
    }

    #[cfg(test)]
    pub(super) fn sample() -> Self {
        Self { port: 80, server_names: vec!["_".to_owned()], default_site_gives_way: true, ..Self::default() }
    }
}
