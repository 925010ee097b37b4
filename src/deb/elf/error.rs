//! Why an executable cannot be packaged.

/// What is wrong with an executable.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ElfError {
    /// It is something else, or only a part of an ELF file.
    #[error("it is not a whole ELF file: {0}")]
    #[diagnostic(help("name the compiled program itself, not a script, an archive or an unfinished copy"))]
    Damaged(String),
    /// Its machine code is not x86-64's.
    #[error("it is compiled for another machine than amd64 ({0})")]
    #[diagnostic(help("compile it for the target x86_64-unknown-linux-gnu"))]
    Foreign(&'static str),
    /// An object file, a shared library or a core dump.
    #[error("it is an ELF file, but not a program")]
    #[diagnostic(help("name the linked program; libraries and object files go into no package by themselves"))]
    NotAProgram,
    /// It uses no shared library, so security updates of glibc would not reach it.
    #[error("it is linked statically, and so misses the security updates of its libraries")]
    #[diagnostic(help(
        "link it dynamically: target x86_64-unknown-linux-gnu, without `-C target-feature=+crt-static`"
    ))]
    Static,
    /// Its loader is not glibc's.
    #[error("its loader is `{0}`: it is not linked against Debian's glibc")]
    #[diagnostic(help("compile it for the target x86_64-unknown-linux-gnu; musl's programs do not start on Debian"))]
    ForeignLoader(String),
    /// No package is known for a library.
    #[error("it needs the library `{0}`, and no package is known to hold it")]
    #[diagnostic(help("link that library statically into the program, or do without it"))]
    UnknownLibrary(String),
    /// A symbol version that cannot be turned into a package version.
    #[error("it needs the version `{version}` of the library `{library}`, which no release of its package promises")]
    #[diagnostic(help("link it against the library of a released Debian, and use no private symbols of it"))]
    UnknownVersion { library: String, version: String },
}
