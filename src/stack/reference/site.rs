//! The reference of `[site]`: the nginx site in front of the application.

use super::key::{FIRST_RELEASE, Form, Key, Missing, SIZE, Section, ValueKind, Words};

pub(super) static SITE: Section = Section {
    meaning: "\
The nginx site that passes requests on to the application over a Unix socket. On the server it is \
`/etc/nginx/sites-available/NAME`.",
    keys: &[
        Key {
            name: "port",
            kind: ValueKind::Number { least: 1, most: u16::MAX },
            missing: Missing::Number(80),
            meaning: "\
The TCP port that nginx listens on. With port 80 the distribution's default site is disabled while the package, or another \
stack with that port, is installed.",
            example: "port = 8080",
            since: FIRST_RELEASE,
        },
        Key {
            name: "server-names",
            kind: ValueKind::Texts {
                form: Form {
                    noun: "a host name, `*.DOMAIN`, `.DOMAIN`, `NAME.*` or `_`",
                    pattern: r"^(_|(\*\.|\.)?[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*(\.\*)?)$",
                },
                empty: false,
            },
            missing: Missing::Texts(&["_"]),
            meaning: "\
The host names that the site answers to (nginx's `server_name`). A request for another name gets status 421 and does not \
reach the app, except for the health page, which a balancer asks for by the machine's address. `_` stands for every name. \
Several stacks with different names can be on one machine, and one more without names.",
            example: "server-names = [\"example.org\", \"www.example.org\"]",
            since: FIRST_RELEASE,
        },
        Key {
            name: "max-body-size",
            kind: ValueKind::Text(SIZE),
            missing: Missing::Text("10m"),
            meaning: "\
The largest request body (nginx's `client_max_body_size`): bytes, or with `k`, `m` or `g` units of 1024, 1024² or 1024³ \
bytes.",
            example: "max-body-size = \"100m\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "tls",
            kind: ValueKind::WordOrTable(
                Words { noun: "which certificate HTTPS has", known: || vec!["off", "self-signed", "acme"], others: None },
                &TLS,
            ),
            missing: Missing::Text("off"),
            meaning: "\
Whether the site also answers over HTTPS, at port 443, with HTTP/2. `off`: it does not. `self-signed`: with a certificate that \
the server makes at its first start, which browsers do not trust. `acme`: with one that certbot gets from a certificate \
authority and renews; until then with the server's own. The names must then be `server-names` without wildcards, lead to the \
server, and the port must be 80, where the authority asks. A table names files on the server.

As soon as there is a certificate that is not self-signed, requests to the other port are redirected to HTTPS, except for \
the health page.",
            example: "tls = \"self-signed\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "email",
            kind: ValueKind::Text(Form { noun: "an e-mail address", pattern: "^[^@]+@[^@]+$" }),
            missing: Missing::Described("the certificate authority knows no address"),
            meaning: "With `tls = \"acme\"`: where the certificate authority may write to.",
            example: "email = \"admin@example.org\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "acme-server",
            kind: ValueKind::Text(Form { noun: "a web address with https", pattern: "^https://[^/ ]+" }),
            missing: Missing::Text("https://acme-v02.api.letsencrypt.org/directory"),
            meaning: "\
With `tls = \"acme\"`: the address of the directory of a certificate authority (RFC 8555, 7.1.1). The default is Let's \
Encrypt; `https://acme-staging-v02.api.letsencrypt.org/directory` is its authority for trials, which has wider limits and \
which browsers do not trust. Using an authority means that you agree to its terms.",
            example: "acme-server = \"https://acme-staging-v02.api.letsencrypt.org/directory\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "behind",
            kind: ValueKind::TextsOrWord {
                form: Form { noun: "a network in CIDR notation", pattern: "^[0-9A-Fa-f:.]+/[0-9]+$" },
                word: "nodebalancer",
            },
            missing: Missing::Described("nobody is believed but who connects"),
            meaning: "\
The networks of balancers that end TLS in front of the server. In requests from there, and in no others, the headers \
`X-Forwarded-For` and `X-Forwarded-Proto` name the visitor's address and scheme. `nodebalancer` is Linode's NodeBalancer with \
private addresses (`192.168.255.0/24`). On a server, files in `/etc/NAME/balancers.d` name further networks.",
            example: "behind = \"nodebalancer\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "static",
            kind: ValueKind::Tables(&STATIC),
            missing: Missing::Described("the application answers every request"),
            meaning: "Folders with files that nginx serves itself, without the application.",
            example: "[[site.static]]\npath = \"/static/\"\nfolder = \"app/static\"",
            since: FIRST_RELEASE,
        },
    ],
};

static TLS: Section = Section {
    meaning: "\
A certificate of your own: two files in PEM form that you put on the server. As long as one of them is missing, or the key is \
of another certificate, HTTPS has a self-signed certificate, and the health check says so. New files are used within minutes.",
    keys: &[
        Key {
            name: "certificate",
            kind: ValueKind::Text(PATH),
            missing: Missing::Refused,
            meaning: "The path of the certificate, followed by those that it is signed with.",
            example: "certificate = \"/etc/ssl/www.example.org.pem\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "key",
            kind: ValueKind::Text(PATH),
            missing: Missing::Refused,
            meaning: "The path of its key, without a passphrase, which root alone can read. It cannot be in a home folder.",
            example: "key = \"/etc/ssl/private/www.example.org.key\"",
            since: FIRST_RELEASE,
        },
    ],
};

/// A file on the server.
const PATH: Form = Form { noun: "an absolute path on the server", pattern: "^/[0-9A-Za-z/_.@+-]+$" };

static STATIC: Section = Section {
    meaning: "\
Files that nginx serves itself: style sheets, scripts, pictures, fonts. They are installed below `/usr/share/stackdeb-NAME`, \
the compressible ones with a copy for gzip and one for Brotli beside them. A file called `x.gz` or `x.br` beside `x` takes \
the place of such a copy.

A name with a hash, such as `app.55e7cbb9ba48.css` or `index-DiwrG2da.js`, says that the file never changes: browsers may \
keep it for a year, and an upgrade keeps the files of the version before for pages that are still open. All other files \
are asked for again after a minute, and are sent again only if they have changed.

The rules of `[app] include` about names leave files out here as well: names that begin with a dot (except `.well-known`), \
backups of editors and so on. `stackdeb check` lists them, and warns of files that look like a secret. A link to a file of the \
project is packed as that file. A request for a file that is not there gets status 404 and does not reach the application.",
    keys: &[
        Key {
            name: "path",
            kind: ValueKind::Text(Form { noun: "the beginning of paths", pattern: "^/([0-9A-Za-z_~.-]+/)+$" }),
            missing: Missing::Refused,
            meaning: "What the paths of the files begin with. It begins and ends with `/`, and is not `/` alone.",
            example: "path = \"/static/\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "folder",
            kind: ValueKind::Text(Form { noun: "the path of a folder", pattern: "." }),
            missing: Missing::Refused,
            meaning: "\
The folder with the files. With `path = \"/static/\"`, its file `css/app.css` is `/static/css/app.css`. It may be in the \
application's folder; its files are then in the package twice, unless `[app] exclude` leaves them out there.",
            example: "folder = \"app/static\"",
            since: FIRST_RELEASE,
        },
        Key {
            name: "hashed",
            kind: ValueKind::Texts { form: Form { noun: "a pattern for files", pattern: "^[^/]" }, empty: true },
            missing: Missing::Texts(&[]),
            meaning: "\
Further files whose names change whenever they do, although no hash is recognised in them. The patterns are written as for \
`[app] include`, and begin at `folder`.",
            example: "hashed = [\"assets/*\"]",
            since: FIRST_RELEASE,
        },
    ],
};
