//! Chooses the accelerator that QEMU uses. A `/dev/kvm` that exists may still be unable to run a kernel: some hosts emulate
//! it and stop at the first SSE2 instruction, others refuse a register of the processor. So it is tried with a program of
//! 158 bytes that does what a kernel does first. The trial takes a tenth of a second.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How QEMU runs the machine's processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The host's own processor, through KVM.
    Kvm,
    /// Emulation in software, ten to thirty times slower.
    Tcg,
}

/// The emulated processor. With `cx16`, or with all that QEMU can emulate (`max`), some boots of Debian 13 panic. By AMD, as
/// Linode's are, because Linux keeps page tables of its own for Intel's, against Meltdown: each system call changes them, which
/// under emulation makes a boot a quarter longer.
const EMULATED: &str = "Nehalem,-cx16,vendor=AuthenticAMD";

/// Time limit of the trial; where KVM works it takes a tenth of a second.
const TRIAL_LIMIT: Duration = Duration::from_secs(3);

/// QEMU's exit status when the program writes 42 to the `isa-debug-exit` device: (42 << 1) | 1.
const TRIAL_STATUS: i32 = 85;

/// The trial program, a kernel by the Multiboot Specification 0.6.96. It turns on paging and long mode, asks for the
/// processor's name, uses SSE2, and reports.
#[rustfmt::skip]
const TRIAL: [u8; 158] = [
    0x02, 0xb0, 0xad, 0x1b,  0x00, 0x00, 0x01, 0x00,  0xfe, 0x4f, 0x51, 0xe4, // magic, flags: addresses follow, checksum
    0x00, 0x00, 0x10, 0x00,  0x00, 0x00, 0x10, 0x00,  0x00, 0x00, 0x00, 0x00, // header, load, load end: the whole file
    0x00, 0x80, 0x11, 0x00,  0x20, 0x00, 0x10, 0x00,                          // end of bss 0x118000, entry 0x100020
    0xc7, 0x05, 0x00, 0x00, 0x11, 0x00, 0x03, 0x10, 0x11, 0x00,               // movl $0x111003, 0x110000  page tables:
    0xc7, 0x05, 0x00, 0x10, 0x11, 0x00, 0x03, 0x20, 0x11, 0x00,               // movl $0x112003, 0x111000  the first
    0xc7, 0x05, 0x00, 0x20, 0x11, 0x00, 0x83, 0x00, 0x00, 0x00,               // movl $0x83, 0x112000      two MiB
    0xb8, 0x00, 0x00, 0x11, 0x00,  0x0f, 0x22, 0xd8,                          // mov $0x110000, %eax; mov %eax, %cr3
    0x0f, 0x20, 0xe0,  0x0d, 0x20, 0x06, 0x00, 0x00,  0x0f, 0x22, 0xe0,       // cr4 |= PAE, OSFXSR, OSXMMEXCPT
    0xb9, 0x80, 0x00, 0x00, 0xc0,  0x0f, 0x32,                                // mov $0xc0000080, %ecx; rdmsr
    0x0d, 0x00, 0x01, 0x00, 0x00,  0x0f, 0x30,                                // EFER |= LME; wrmsr
    0x0f, 0x20, 0xc0,  0x0d, 0x00, 0x00, 0x00, 0x80,  0x0f, 0x22, 0xc0,       // cr0 |= PG
    0x0f, 0x01, 0x15, 0x98, 0x00, 0x10, 0x00,                                 // lgdt 0x100098
    0xea, 0x78, 0x00, 0x10, 0x00, 0x08, 0x00,                                 // ljmp $8, $0x100078: long mode from here
    0x31, 0xc0,  0x0f, 0xa2,  0x66, 0x0f, 0xef, 0xc0,                         // xor %eax, %eax; cpuid; pxor %xmm0, %xmm0
    0xb0, 0x2a,  0xe6, 0xf4,  0xf4,                                           // mov $42, %al; out %al, $0xf4; hlt
    0x0f, 0x1f, 0x00,                                                         // padding
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,                           // descriptors: none,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x9a, 0x20, 0x00,                           // 64-bit code
    0x0f, 0x00,  0x88, 0x00, 0x10, 0x00,                                      // their limit and address
];

impl Accelerator {
    /// KVM if it runs the trial, else emulation.
    pub fn choose(qemu: &Path) -> Self {
        if Path::new("/dev/kvm").exists() && Self::Kvm.works(qemu) { Self::Kvm } else { Self::Tcg }
    }

    /// Whether a machine with this accelerator runs the trial in time.
    pub fn works(self, qemu: &Path) -> bool {
        self.run_trial(qemu).unwrap_or(false)
    }

    fn run_trial(self, qemu: &Path) -> std::io::Result<bool> {
        let mut program = tempfile::NamedTempFile::new()?;
        program.write_all(&TRIAL)?;
        let mut child = Command::new(qemu)
            .args(self.arguments(1))
            .args(["-nodefaults", "-no-user-config", "-display", "none", "-m", "64"])
            .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel"])
            .arg(program.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let begin = Instant::now();
        while begin.elapsed() < TRIAL_LIMIT {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code() == Some(TRIAL_STATUS));
            }
            thread::sleep(Duration::from_millis(10));
        }
        child.kill()?;
        child.wait()?;
        Ok(false)
    }

    /// QEMU's arguments for a machine with `cpus` processors.
    ///
    /// Emulation gets a processor that kernels have been seen to run on, see `EMULATED`. Several processors share one thread
    /// of QEMU. With a thread for each, QEMU 7.2 (and 8.0, by reports on the kernel's list) can run an instruction that
    /// another processor is just rewriting, and the kernel ends with `Oops: int3`; see
    /// [`super::console::Console::panicked_at_breakpoint`].
    pub fn arguments(self, cpus: u32) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg if cpus > 1 => ["-accel", "tcg,thread=single", "-cpu", EMULATED],
            Self::Tcg => ["-accel", "tcg", "-cpu", EMULATED],
        }
    }

    /// A text for the user, with the reason.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Kvm => "KVM",
            Self::Tcg => "software emulation: KVM is missing or does not work here",
        }
    }
}
