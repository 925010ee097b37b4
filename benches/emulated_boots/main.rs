//! How many emulated boots with two processors end in a panic: with one thread of QEMU for both, as stackdeb starts it, and
//! with a thread for each, which is QEMU's default. The image's kernel boots as far as a first process that switches the
//! machine off; a boot takes two to four seconds.
//!
//! `cargo bench --bench emulated_boots -- 200` prints both figures. With `--single` only stackdeb's own way is run. It fails
//! when one boot of that way does not reach the first process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a benchmark ends in a panic when something is not as it should be"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use stackdeb::vm::accelerator::Accelerator;
use stackdeb::vm::machine::find_qemu;

use support::{Built, built, kept, run};

const CPUS: u32 = 2;
/// Boots when no number is given.
const BOOTS: usize = 50;
/// What the first process says.
const REACHED: &str = "the first process runs";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let boots = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(BOOTS);
    let machine = Emulated::prepare();
    let ours = machine.boot(boots, &Accelerator::Tcg.arguments(CPUS));
    println!("one thread of QEMU for {CPUS} processors: {}", ours.describe());
    if !arguments.iter().any(|argument| argument == "--single") {
        let theirs = Accelerator::Tcg.arguments(CPUS).map(|argument| match argument {
            "tcg,thread=single" => "tcg,thread=multi",
            other => other,
        });
        assert_ne!(theirs, Accelerator::Tcg.arguments(CPUS), "both ways are the same");
        println!("a thread for each processor: {}", machine.boot(boots, &theirs).describe());
    }
    if ours.reached == boots { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What came of some boots.
struct Tally {
    boots: usize,
    reached: usize,
    /// Boots that ended with an unknown breakpoint instruction, the emulator's fault.
    breakpoints: usize,
}

impl Tally {
    fn describe(&self) -> String {
        let Self { boots, reached, breakpoints } = self;
        format!("{reached} of {boots} boots reached the first process, {breakpoints} panicked at an int3")
    }
}

/// A kernel and an initramfs, and the QEMU that runs them.
struct Emulated {
    qemu: PathBuf,
    kernel: PathBuf,
    initramfs: PathBuf,
}

impl Emulated {
    /// Takes the kernel out of the built image, and makes the initramfs.
    fn prepare() -> Self {
        let folder = kept().join("emulated-boots");
        let script = "mkdir -p tree/dev
            gzip -dc \"$0\" >image
            name=$(debugfs -R 'ls -p /boot' image 2>/dev/null | cut -d/ -f6 | grep -m 1 ^vmlinuz-)
            debugfs -R \"dump /boot/$name kernel\" image 2>/dev/null
            rm image
            gcc -static -nostdlib -O1 -o tree/init \"$1\"
            [ -e tree/dev/console ] || mknod -m 600 tree/dev/console c 5 1
            cd tree && find . | cpio --quiet -o -H newc >../initramfs";
        std::fs::create_dir_all(&folder).unwrap();
        let image = built(Built::WithoutPackage).join("stack-1.0.0-linode.img.gz");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/emulated_boots/init.c");
        run(Command::new("sh").args(["-ec", script]).args([image, source]).current_dir(&folder));
        let [kernel, initramfs] = ["kernel", "initramfs"].map(|name| folder.join(name));
        Self { qemu: find_qemu().unwrap(), kernel, initramfs }
    }

    fn boot(&self, boots: usize, arguments: &[&str]) -> Tally {
        let mut tally = Tally { boots, reached: 0, breakpoints: 0 };
        for number in 1..=boots {
            let said = self.boot_once(arguments);
            let breakpoint = said.contains("Oops: int3: 0000");
            let reached = said.contains(REACHED) && !said.contains("Kernel panic");
            tally.breakpoints += usize::from(breakpoint);
            tally.reached += usize::from(reached);
            if !reached && !breakpoint {
                let last: Vec<&str> = said.lines().rev().take(15).collect();
                println!("boot {number} ended otherwise; its last lines, the newest first:\n{}", last.join("\n"));
            }
        }
        tally
    }

    /// What the console said, until the machine was off.
    fn boot_once(&self, arguments: &[&str]) -> String {
        let mut qemu = Command::new("timeout");
        qemu.arg("120").arg(&self.qemu).args(arguments);
        qemu.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio"]);
        qemu.args(["-m", "512", "-smp", &CPUS.to_string(), "-append", "console=ttyS0 panic=-1"]);
        qemu.arg("-kernel").arg(&self.kernel).arg("-initrd").arg(&self.initramfs).stdin(Stdio::null());
        let output = qemu.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
