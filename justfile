# Thin wrappers of the commands in README.md. `just --list` shows them.

set positional-arguments

# The package and the image of the stack in this folder.
default: image

# dist/stack_1.0.0_amd64.deb, and the link stack.deb to it
deb *args: build
    target/release/stackdeb deb "$@"

# dist/stack-1.0.0-linode.img.gz and its manifest (and the package)
image *args: build user-namespaces
    target/release/stackdeb image "$@"

# Boot the image in QEMU as Linode would: http://localhost:8080
boot *args: build
    target/release/stackdeb boot "$@"

# Upload the image to Linode: just upload --region us-east
upload *args: build
    target/release/stackdeb upload "$@"

# Start instances of it, and wait until they answer: just deploy --region us-east
deploy *args: build
    target/release/stackdeb deploy "$@"

# What the stack runs at Linode, and whether it is well
instances *args: build
    target/release/stackdeb instances "$@"

# Remove what the stack runs at Linode
destroy *args: build
    target/release/stackdeb destroy "$@"

# A Terraform configuration of several machines, a balancer and a database: terraform/
terraform *args: build
    target/release/stackdeb terraform "$@"

# Formatting, lints, unit tests, the tests of the documents, those of health-check, and the rooms format and linode. Before each commit.
check: build-and-setup
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets -- -D warnings
    # Most of these tests wait for another program, so more of them than processors run at a time.
    tests/side-by-side \
        "-p health-check-tests -- --test-threads 24" \
        "-p stackdeb -p connection --lib --bins --test linode -- --test-threads 20" \
        "-p stackdeb --test format -- --test-threads 20" \
        "-p stackdeb-documents"

# Everything but the soak. Installs the programs that the tests run from the machine's package archive.
test: check
    tests/side-by-side "-p stackdeb --test server" "-p stackdeb --test machine" "-p stackdeb --test project -- --test-threads 3" "-p stackdeb --test root"

# The programs that tests and benchmarks run, and those that judge what stackdeb makes
setup:
    tests/setup
    tests/linode-cli --install
    tests/terraform-reader --install
    documents/judges --install

# What takes longer than the tests may: twenty power cuts, an upgrade killed at each of its steps, every application in examples/, and more: 90 minutes, and then an hour for each reader of fuzz/
soak *args: build-and-setup
    cargo bench --bench emulated_boots -- 50 --single
    EVERY_STEP=1 cargo test --release --test root -- dpkg_matrix
    OTHER_BUILDER=1 cargo test --release --test root -- other_builder
    EVERY_APPLICATION=1 cargo test --release --test server -- applications
    EVERY_APPLICATION=1 cargo test --release --test server -- kinds::
    EVERY_APPLICATION=1 cargo test --release --test server -- a_task_that_an_upgrade_meets
    EVERY_APPLICATION=1 cargo test --release --test server -- an_update_of_python
    cargo test --release --test project -- --ignored
    cargo test --release --test format -- --ignored generated
    cargo test --release --test soak -- "$@"
    fuzz/run

# Readers get what nobody would write: just fuzz 60 tar, for a minute with one of them
fuzz *args:
    fuzz/run "$@"

# The documents in docs/ that are made from the program itself
documents:
    cargo run --release --locked -p stackdeb-documents

# Our figures beside those of other programs, run side by side
bench *args: build-and-setup
    cargo bench --bench deb --bench image --bench serving --bench servers --bench serving_machine --bench emulated_boots "$@"

# Everything that was built here
clean:
    cargo clean
    rm -rf dist

# health-check by itself: with stackdeb, it would get the features of libraries that only stackdeb needs, such as TLS.
[private]
build:
    cargo build --release --locked -p stackdeb
    cargo build --release --locked -p health-check

# Both at the same time: while the package archive answers and the disk writes, the compiler works.
[private]
build-and-setup:
    #!/bin/sh
    "{{ just_executable() }}" setup &
    status=0
    "{{ just_executable() }}" build || status=$?
    wait $! || status=$?
    exit $status

# An ordinary user needs newuidmap to build an image; root does not.
[private]
user-namespaces:
    @[ "$(id -u)" = 0 ] || command -v newuidmap >/dev/null || sudo apt-get install -y uidmap
