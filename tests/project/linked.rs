//! The packages with the libraries that programs link, in the release that the package is for. dpkg-shlibdeps is the judge for the
//! release of this machine. What a program of another release links is made here: a library of that name, with such a version.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Trial;
use stackdeb::control::Relations;
use stackdeb::deb::Reader;
use support::crates::{our_package, ours};
use support::room::for_soak;
use support::{run, stackdeb, text};

pub fn trials() -> Vec<Trial> {
    let tests = support::tests![
        relations_are_those_of_dpkg_shlibdeps,
        another_release_has_other_packages,
        what_the_release_lacks_is_refused,
        a_stack_depends_on_what_its_programs_link
    ];
    tests.into_iter().chain(for_soak(support::tests![relations_of_many_programs_are_those_of_dpkg_shlibdeps])).collect()
}

/// A crate with these programs, which are not built, and a key `depends` with `$auto` alone.
fn crate_with(programs: &[&Path]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let asset = |(number, path): (usize, &&Path)| format!("['{}', 'usr/bin/program-{number}', '755']", path.display());
    let assets: Vec<String> = programs.iter().enumerate().map(asset).collect();
    let manifest = format!(
        "[package]\nname = \"sample\"\nversion = \"1.0.0\"\nedition = \"2021\"\ndescription = \"a sample\"\n\
         authors = [\"Jane Doe <jane@example.org>\"]\nlicense = \"MIT\"\n[package.metadata.deb]\nassets = [{}]\n",
        assets.join(", ")
    );
    fs::create_dir_all(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/main.rs"), "fn main() {}\n").unwrap();
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    folder
}

fn depends(package: &Path) -> String {
    Reader::open(package).unwrap().control().unwrap().get("Depends").unwrap_or_default().to_owned()
}

/// Each relation once: of two to the same package, the stricter one, as dpkg-gencontrol does.
fn simplified(relations: &str) -> BTreeSet<String> {
    let mut all = Relations::default();
    relations.parse::<Relations>().unwrap().0.into_iter().for_each(|one| all.add(one));
    all.0.iter().map(ToString::to_string).collect()
}

/// What dpkg-shlibdeps says; `None` where it finds no package.
fn judged(program: &Path) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("debian")).unwrap();
    fs::write(folder.path().join("debian/control"), "Source: example\n").unwrap();
    let mut judge = Command::new("dpkg-shlibdeps");
    let output = judge.current_dir(folder.path()).arg("-O").arg(program).env("LC_ALL", "C").output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    output.status.success().then(|| told.trim().strip_prefix("shlibs:Depends=").unwrap_or_default().to_owned())
}

/// The programs of this machine, without links, scripts and what is linked statically.
fn programs_of(folder: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| {
        let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        is_file && fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"))
    });
    all.sort();
    all
}

/// Compares each program that dpkg-shlibdeps can judge, and returns how many there were.
fn compare(programs: &[PathBuf]) -> usize {
    let mut compared = 0;
    let mut different = Vec::new();
    for program in programs {
        let Some(theirs) = judged(program).filter(|relations| !relations.is_empty()) else { continue };
        let folder = crate_with(&[program]);
        let output = ours(folder.path(), &["--no-build"]);
        let said = text(&output);
        let ours = output.status.success().then(|| depends(&folder.path().join("dist/sample.deb")));
        match ours {
            Some(ours) if simplified(&ours) == simplified(&theirs) => compared += 1,
            Some(ours) => different.push(format!("{}\n  ours   {ours}\n  theirs {theirs}", program.display())),
            None => different.push(format!("{}\n  {said}\n  theirs {theirs}", program.display())),
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    compared
}

fn relations_are_those_of_dpkg_shlibdeps() {
    let mut programs: Vec<PathBuf> =
        ["curl", "openssl", "ssh", "wrk", "git"].iter().map(|name| Path::new("/usr/bin").join(name)).collect();
    programs.push("/usr/sbin/nginx".into());
    programs.extend(fs::canonicalize("/usr/bin/python3"));
    programs.extend(glob::glob("/usr/lib/postgresql/*/bin/psql").unwrap().flatten());
    programs.extend(glob::glob("/usr/lib/x86_64-linux-gnu/libpq.so.5").unwrap().flatten());
    programs.retain(|path| path.is_file());
    let compared = compare(&programs);
    assert!(compared >= 5, "only {compared} programs were compared");
}

fn relations_of_many_programs_are_those_of_dpkg_shlibdeps() {
    let all: Vec<PathBuf> = ["/usr/bin", "/usr/sbin"].into_iter().flat_map(programs_of).collect();
    let step = (all.len() / 120).max(1);
    let some: Vec<PathBuf> = all.into_iter().step_by(step).collect();
    let compared = compare(&some);
    assert!(compared >= 100, "only {compared} programs were compared");
}

/// A folder for programs that are made here.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Compiles it with a version script, as libraries with symbol versions are (ld(1)).
    fn library(&self, name: &str, function: &str, version: &str) {
        fs::write(self.path("library.c"), format!("void {function}(void) {{}}\n")).unwrap();
        fs::write(self.path("versions"), format!("{version} {{ global: *; }};\n")).unwrap();
        let mut compiler = Command::new("gcc");
        compiler.current_dir(self.folder.path()).args(["-shared", "-fPIC", "-nostdlib", "library.c", "-o", name]);
        run(compiler.arg(format!("-Wl,-soname,{name}")).arg("-Wl,--version-script=versions"));
    }

    /// Compiles and links it with `gcc`, against the library in this folder.
    fn program(&self, name: &str, library: &str, function: &str) -> PathBuf {
        let source = format!("void {function}(void);\nint main(void) {{ {function}(); return 0; }}\n");
        fs::write(self.path("program.c"), source).unwrap();
        let mut compiler = Command::new("gcc");
        run(compiler.current_dir(self.folder.path()).args(["program.c", "-o", name, &format!("./{library}")]));
        self.path(name)
    }

    /// A library and a program that needs it.
    fn linked(&self, library: &str, function: &str, version: &str) -> PathBuf {
        self.library(library, function, version);
        self.program(&format!("needs-{function}"), library, function)
    }
}

/// What is said of a crate with a program for a release.
fn crate_for(suite: &str, program: &Path) -> Output {
    let folder = crate_with(&[program]);
    ours(folder.path(), &["--no-build", "--suite", suite])
}

/// What a command said, without the line breaks of a terminal.
fn said(output: &Output) -> String {
    text(output).split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ")
}

fn another_release_has_other_packages() {
    let bench = Bench::new();
    let ssl = bench.linked("libssl.so.3", "SSL_new", "OPENSSL_3.0.0");
    // The name of its package has more in it than Debian Policy 8.1 asks for: only the index of files knows it.
    let jpeg = bench.linked("libjpeg.so.62", "jpeg_std_error", "LIBJPEG_6.2");
    for (suite, program, expected) in [
        ("bookworm", &ssl, "libssl3 (>= 3.0.0)"),
        ("trixie", &ssl, "libssl3t64 (>= 3.0.0)"),
        ("bookworm", &jpeg, "libjpeg62-turbo (>= 1.3.1)"),
    ] {
        let folder = crate_with(&[program]);
        let found = depends(&our_package(folder.path(), &["--no-build", "--suite", suite]));
        assert!(found.split(", ").any(|one| one == expected), "{suite}: {found}");
    }
    let unknown = said(&crate_for("sarge", &ssl));
    assert!(unknown.contains("`sarge` is not supported"), "{unknown}");
}

fn what_the_release_lacks_is_refused() {
    let bench = Bench::new();
    // A program that was built on a release with a newer glibc, and one that calls a function that came later.
    let newer = bench.linked("libm.so.6", "from_the_future", "GLIBC_2.99");
    let function = bench.linked("libcurl.so.4", "curl_from_the_future", "CURL_OPENSSL_4");
    let odd = bench.linked("libodd.so.3", "odd", "ODD_3");
    for (program, words) in [
        (&newer, &["needs GLIBC_2.99 of libm.so.6", "libc6 2.4", "container"][..]),
        (&function, &["needs curl_from_the_future@CURL_OPENSSL_4 of libcurl.so.4", "libcurl4t64 8."]),
        (&odd, &["usr/bin/program-0 links libodd.so.3", "has no package"]),
    ] {
        let output = crate_for("trixie", program);
        let said = said(&output);
        assert!(!output.status.success() && words.iter().all(|word| said.contains(word)), "{said}");
        assert!(said.contains("Debian 13 (trixie)"), "{said}");
    }
}

/// A stack of the kind `exec` whose program is `server`.
fn stack_with(server: &Path, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("app")).unwrap();
    fs::copy(server, folder.path().join("app/server")).unwrap();
    let text = format!(
        "[package]\nname = \"shop\"\nversion = \"1.0\"\nmaintainer = \"Jane Doe <jane@example.org>\"\n\
         summary = \"place to buy things at\"\nlicense = \"MIT\"\ncopyright = [\"2026 Jane Doe <jane@example.org>\"]\n\
         [app]\nkind = \"exec\"\ncommand = \"./server\"\n[site]\n{more}\n\
         [[changelog]]\nversion = \"1.0\"\ndate = 2026-11-22T10:00:00Z\nchanges = [\"First.\"]\n"
    );
    fs::write(folder.path().join("stack.toml"), text).unwrap();
    folder
}

fn deb(folder: &Path) -> Command {
    let mut command = stackdeb();
    command.current_dir(folder).arg("deb");
    command
}

fn a_stack_depends_on_what_its_programs_link() {
    let bench = Bench::new();
    let ssl = bench.linked("libssl.so.3", "SSL_new", "OPENSSL_3.0.0");
    let odd = bench.linked("libodd.so.3", "odd", "ODD_3");
    let odd_name = "needs-odd";
    let file = |path: &str, source: &str| format!("[[file]]\npath = \"{path}\"\nsource = \"{source}\"\n");
    let folder = stack_with(&ssl, &file("/usr/lib/odd/program", odd_name));
    fs::copy(&odd, folder.path().join(odd_name)).unwrap();
    let output = deb(folder.path()).output().unwrap();
    let refused = said(&output);
    assert!(!output.status.success() && refused.contains("/usr/lib/odd/program links libodd.so.3"), "{refused}");
    assert!(!folder.path().join("dist").exists(), "{refused}");

    // The library is installed beside it.
    let both = file("/usr/lib/odd/program", odd_name) + &file("/usr/lib/odd/libodd.so.3", "libodd.so.3");
    let folder = stack_with(&ssl, &both);
    fs::copy(&odd, folder.path().join(odd_name)).unwrap();
    fs::copy(bench.path("libodd.so.3"), folder.path().join("libodd.so.3")).unwrap();
    run(&mut deb(folder.path()));
    let online = depends(&folder.path().join("dist/shop.deb"));
    assert!(online.contains("libssl3t64 (>= 3.0.0)") && online.matches("libc6").count() == 1, "{online}");

    // Without the mirror: what the last build found, then what is the same in every release, and that does not suffice here.
    let away = "[image]\nmirror = \"http://127.0.0.1:9\"\nsecurity-mirror = \"http://127.0.0.1:9\"\n";
    let manifest = folder.path().join("stack.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("[[changelog]]", &format!("{away}[[changelog]]"))).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let names = cache.path().join("stackdeb/names");
    fs::create_dir_all(&names).unwrap();
    fs::copy(support::cache().join("names/trixie-linked"), names.join("trixie-linked")).unwrap();
    let output = deb(folder.path()).env("XDG_CACHE_HOME", cache.path()).output().unwrap();
    let warned = said(&output);
    assert!(output.status.success() && warned.contains("what the last build found"), "{warned}");
    assert_eq!(depends(&folder.path().join("dist/shop.deb")), online);
    fs::remove_file(names.join("trixie-linked")).unwrap();
    let output = deb(folder.path()).env("XDG_CACHE_HOME", cache.path()).output().unwrap();
    let refused = said(&output);
    assert!(!output.status.success() && refused.contains("127.0.0.1:9"), "{refused}");
}
