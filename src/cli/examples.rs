//! The examples that end the `--help` of each command and its man page. A test parses each line with the real command line.

/// A line to type, and what it does.
pub struct Example {
    /// As it is typed in a shell, beginning with `stackdeb`.
    pub line: &'static str,
    pub meaning: &'static str,
}

const fn example(line: &'static str, meaning: &'static str) -> Example {
    Example { line, meaning }
}

/// The examples of a command; those of the program itself for `stackdeb`. None for a name that is not a command.
pub fn examples(command: &str) -> &'static [Example] {
    match command {
        "stackdeb" => &PROGRAM,
        "new" => &NEW,
        "check" => &CHECK,
        "lock" => &LOCK,
        "update" => &UPDATE,
        "deb" => &DEB,
        "image" => &IMAGE,
        "repo" => &REPO,
        "diff" => &DIFF,
        "boot" => &BOOT,
        "upload" => &UPLOAD,
        "deploy" => &DEPLOY,
        "instances" => &INSTANCES,
        "destroy" => &DESTROY,
        "data" => &DATA,
        "terraform" => &TERRAFORM,
        "cache" => &CACHE,
        "schema" => &SCHEMA,
        _ => &[],
    }
}

static PROGRAM: [Example; 3] = [
    example("stackdeb new shop", "Write a project to the new folder shop."),
    example("stackdeb image shop", "Build its package and its disk image into shop/dist."),
    example("stackdeb deploy --help", "Show the options of one command."),
];

static NEW: [Example; 2] = [
    example("stackdeb new shop", "Write a project to the new folder shop."),
    example("stackdeb new shop --folder ~/src/web-shop", "Write it to another folder, which is made or is empty."),
];

static CHECK: [Example; 3] = [
    example("stackdeb check", "Check the project in this folder and show what would be built."),
    example(
        "stackdeb check --variant staging",
        "Show what [variant.staging] changes, and what would be built with it.",
    ),
    example("stackdeb check --json shop/stack.toml", "Show the same of another project, as JSON."),
];

static LOCK: [Example; 4] = [
    example(
        "stackdeb lock",
        "Write stack.lock for the project in this folder: its libraries, and the packages of its image.",
    ),
    example("stackdeb lock --libraries shop", "Choose the libraries again in shop/stack.lock, and leave the packages."),
    example("stackdeb lock --packages", "Lock the packages of the image, and leave the libraries."),
    example("stackdeb lock shop blog", "Lock the packages of one image with both stacks: in shop/stack.lock."),
];

static UPDATE: [Example; 3] = [
    example(
        "stackdeb update",
        "Move all libraries and packages of stack.lock to the newest versions, and print those that are different.",
    ),
    example(
        "stackdeb update flask libssl3t64",
        "Move this library and this package, with what they need, and no others.",
    ),
    example(
        "stackdeb update --project shop --project blog",
        "Move the locks of an image with two stacks: the libraries of each, and the packages in shop/stack.lock.",
    ),
];

static DEB: [Example; 5] = [
    example("stackdeb deb", "Build dist/NAME_VERSION_amd64.deb and the link dist/NAME.deb to it."),
    example("stackdeb deb shop", "Build the package of the project in the folder shop."),
    example(
        "stackdeb deb --changes --distribution trixie",
        "Write dist/NAME_VERSION_amd64.changes as well: the archive that dput uploads it to has the package in trixie.",
    ),
    example(
        "stackdeb deb --no-build --deb-revision 2",
        "Package the crate in this folder, as its [package.metadata.deb] says, with the programs that cargo built before.",
    ),
    example(
        "stackdeb deb -p shop-server",
        "Build the member shop-server of the workspace in this folder, and package it.",
    ),
];

static IMAGE: [Example; 4] = [
    example("stackdeb image", "Build the package and the image of the project in this folder."),
    example(
        "stackdeb image shop blog",
        "Build one image with the stacks of the folders shop and blog: shop/dist/shop-*.img.gz.",
    ),
    example("stackdeb image --variant staging", "Build those of the variant staging into dist/staging."),
    example(
        "stackdeb image --without-package",
        "Build an image to try the package on: apt install ./NAME.deb works in it.",
    ),
];

static REPO: [Example; 4] = [
    example(
        "stackdeb repo add --url https://packages.example.org dist/shop.deb",
        "Begin a repository in the folder repository, to be served at that address, with this package.",
    ),
    example(
        "stackdeb repo add dist/shop_1.1.0_amd64.deb",
        "Add the next version; servers that have 1.0.0 upgrade to it.",
    ),
    example("stackdeb repo list --json", "List the packages, for a program."),
    example(
        "stackdeb repo refresh --valid-for 14",
        "Sign it again: servers refuse this state of it in 14 days, so that nobody can hide a later one for longer.",
    ),
];

static DIFF: [Example; 3] = [
    example(
        "stackdeb diff old-linode.img.gz dist/shop-1.1.0-linode.img.gz",
        "Show which packages and files differ in two images.",
    ),
    example(
        "stackdeb diff shop_1.0.0_amd64.deb shop_1.1.0_amd64.deb",
        "Show the same of two packages, with the fields of their control data.",
    ),
    example("stackdeb diff --json a.img b.img", "Report each difference for a program."),
];

static BOOT: [Example; 5] = [
    example("stackdeb boot", "Boot the newest image in dist: the site is at http://localhost:8080."),
    example("stackdeb boot --check", "Boot it, ask the site's pages, and end with status 0 if all are well."),
    example("stackdeb boot --user-data user-data.yaml --ssh-port 2222", "Log in with: ssh -p 2222 root@localhost"),
    example("stackdeb boot --watch", "Boot it, and install in it what is changed in the project meanwhile."),
    example("stackdeb boot --network 7000 --port 8081", "Boot a second machine on the network with the number 7000."),
];

static UPLOAD: [Example; 2] = [
    example("stackdeb upload --region us-east", "Upload the newest image in dist and print its id."),
    example("stackdeb upload --region us-east --tag staging shop.img.gz", "Upload a file with a tag."),
];

static DEPLOY: [Example; 4] = [
    example("stackdeb deploy --region us-east", "Start one instance of the smallest plan, and wait until it answers."),
    example(
        "stackdeb deploy --region us-east --count 3 --type g6-standard-2 --label shop",
        "Start shop-1, shop-2 and shop-3 of a larger plan.",
    ),
    example(
        "stackdeb deploy --region us-east --replace",
        "Start as many as run there now, of the new version; remove the old ones, unless they hold data, once the new ones answer.",
    ),
    example(
        "stackdeb deploy --region us-east --variant staging",
        "Start an instance of the variant staging, beside those of the stack.",
    ),
];

static INSTANCES: [Example; 2] = [
    example("stackdeb instances", "List the instances of the project in this folder."),
    example("stackdeb instances --json", "List them for a program."),
];

static DESTROY: [Example; 2] = [
    example(
        "stackdeb destroy",
        "Remove all instances of the project in this folder that hold no data, after a question.",
    ),
    example("stackdeb destroy shop-2 --discard-data --yes", "Remove one of them with its data, without a question."),
];

static DATA: [Example; 3] = [
    example("stackdeb data save root@www.example.org", "Save the data of a server to a new file in this folder."),
    example("stackdeb data save --maintenance www shop.tar", "Stop the app meanwhile, so that nothing changes."),
    example(
        "stackdeb data restore root@new.example.org shop.tar",
        "Restore them on another server; it asks before it replaces data.",
    ),
];

static TERRAFORM: [Example; 2] = [
    example("stackdeb terraform", "Write the folder terraform of the project in this folder."),
    example("stackdeb terraform shop --out infrastructure", "Write it to another folder."),
];

static CACHE: [Example; 2] = [
    example("stackdeb cache", "Show what is in the cache, by kind, size and last use."),
    example("stackdeb cache prune --to 2000", "Remove what was not used for the longest time, until 2000 MB are left."),
];

static SCHEMA: [Example; 1] = [example(
    "stackdeb schema > stack.schema.json",
    "Write the schema to a file beside stack.toml, for the line `#:schema ./stack.schema.json`.",
)];
