//! The stack's site on this computer, without systemd: nginx with the package's site, and Gunicorn with the package's
//! settings at a socket that is held here, as systemd holds it on a server.

use std::fs;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub use super::ports::free_port;
use super::{default_stack, run, stackdeb};

/// A running site; it ends when it is dropped.
pub struct LocalSite {
    folder: tempfile::TempDir,
    socket: UnixListener,
    nginx: Child,
    app: Option<Child>,
    /// HOST:PORT.
    pub address: String,
}

impl LocalSite {
    /// Starts nginx; `further` goes into its `http` block. Connections wait until there is an app.
    pub fn start(further: &str) -> Self {
        Self::start_with(further, |_| ())
    }

    /// The same, of a project to which `change` was made.
    pub fn start_with(further: &str, change: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("project");
        default_stack(&project);
        change(&project);
        run(stackdeb().arg("deb").current_dir(&project));
        run(Command::new("dpkg-deb").arg("-x").arg(project.join("dist/stack.deb")).arg(folder.path().join("package")));
        let socket = UnixListener::bind(folder.path().join("app.sock")).unwrap();
        // As `Backlog=` of systemd.socket(5) and the kernel's limit have it; the library's own is short.
        nix::sys::socket::listen(&socket, nix::sys::socket::Backlog::MAXCONN).unwrap();
        let port = free_port();
        let nginx = nginx(folder.path(), port, further).spawn().expect("the package nginx-light is needed");
        let site = Self { folder, socket, nginx, app: None, address: format!("127.0.0.1:{port}") };
        let begin = Instant::now();
        while TcpStream::connect(&site.address).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(30), "nginx does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        site
    }

    /// Where the package's app is.
    pub fn app_folder(&self) -> PathBuf {
        self.folder.path().join("package/usr/share/stack")
    }

    /// Starts Gunicorn as the package's unit does, with further variables.
    pub fn start_app(&mut self, variables: &[(&str, &str)]) {
        let script = "export LISTEN_PID=$$ LISTEN_FDS=1; exec 3<&0 </dev/null; exec gunicorn --config \"$0\" app:app";
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(self.folder.path().join("package/etc/stack/gunicorn.conf.py"));
        command.current_dir(self.app_folder()).env("PYTHONDONTWRITEBYTECODE", "1").envs(variables.iter().copied());
        let log = fs::File::create(self.folder.path().join("app.log")).unwrap();
        command.stdin(Stdio::from(OwnedFd::from(self.socket.try_clone().unwrap())));
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.app = Some(command.spawn().unwrap());
    }

    /// Stops it as systemd does, and waits for its end. The socket stays.
    pub fn stop_app(&mut self) {
        if let Some(mut app) = self.app.take() {
            terminate(&mut app);
        }
    }

    /// What Gunicorn has said since it was started.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("app.log")).unwrap()
    }
}

impl Drop for LocalSite {
    fn drop(&mut self) {
        self.stop_app();
        terminate(&mut self.nginx);
    }
}

/// Asks a process to end, and waits until it has.
pub fn terminate(child: &mut Child) {
    let _ = Command::new("kill").arg(child.id().to_string()).status();
    let _ = child.wait();
}

/// nginx as Debian sets it up.
fn nginx(folder: &Path, port: u16, further: &str) -> Command {
    let site = fs::read_to_string(folder.join("package/etc/nginx/sites-available/stack")).unwrap();
    let site = site.replace("unix:/run/stack/stack.sock", &format!("unix:{}/app.sock", folder.display()));
    let site = site.replace("listen 80 ", &format!("listen 127.0.0.1:{port} "));
    let site = site.replace("root /usr/", &format!("root {}/package/usr/", folder.display()));
    // The package brings nginx's module for Brotli along; here nginx is without it.
    let left_out = ["listen [::]", "brotli_static"];
    let site: Vec<&str> = site.lines().filter(|line| !left_out.iter().any(|text| line.contains(text))).collect();
    // Root's nginx would give its workers to a user who may not open the socket.
    let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
    let text = format!(
        "{user} worker_processes auto; daemon off; pid nginx.pid; error_log error.log;
         events {{ worker_connections 768; }}
         http {{
             access_log access.log; sendfile on; tcp_nopush on; types_hash_max_size 2048; gzip on;
             client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
             {}
             {further}
         }}",
        site.join("\n")
    );
    let path = folder.join("nginx.conf");
    fs::write(&path, text).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(folder).arg("-c").arg(path).args(["-e", "error.log"]);
    command
}
