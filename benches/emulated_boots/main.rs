//! How many emulated boots with two processors end in a kernel panic. There are two figures: for one thread of QEMU
//! that emulates both processors, which is what stackdeb uses, and for one thread for each, which is QEMU's default.
//! The kernel of the image starts a first process that switches the machine off. A boot takes two to four seconds.
//!
//! `cargo bench --bench emulated_boots -- 200` boots 200 times for each figure. With `--single` only stackdeb's way is
//! measured. The benchmark fails if a boot of that way does not reach the first process.

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
/// The number of boots if the command line has none.
const BOOTS: usize = 50;
/// The output of the first process.
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

/// The results of several boots.
struct Tally {
    boots: usize,
    reached: usize,
    /// Boots that ended at a breakpoint instruction that the kernel does not know: a mistake of the emulator.
    breakpoints: usize,
}

impl Tally {
    fn describe(&self) -> String {
        let Self { boots, reached, breakpoints } = self;
        format!("{reached} of {boots} boots reached the first process, {breakpoints} panicked at an int3")
    }
}

/// A kernel with an initramfs, and the path of the QEMU that boots them.
struct Emulated {
    qemu: PathBuf,
    kernel: PathBuf,
    initramfs: PathBuf,
}

impl Emulated {
    /// Copies the kernel from the image and makes the initramfs.
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
                println!("boot {number} ended in another way; its last lines, the newest first:\n{}", last.join("\n"));
            }
        }
        tally
    }

    /// Boots once, for 120 seconds at most. Returns the output of the console.
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
