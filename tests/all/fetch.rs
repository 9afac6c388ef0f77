//! Getting published data sets, from a server on this machine that does whatever servers do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::{Lab, mnist_dir};
use bn_exp::data::fetch::{Event, Origin, fetch};
use bn_exp::sources::idx_files::FILES;
use bn_exp::sources::mnist::MNIST;
use bn_exp::sources::published::{Checksum, Published, PublishedFile};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What the server does with a request.
#[derive(Clone)]
enum Reply {
    /// These bytes, as they should be sent.
    Whole(Vec<u8>),
    /// The same, without saying how many they are.
    Unannounced(Vec<u8>),
    /// The same, said to be encoded, as some servers say of every `.gz`.
    CalledEncoded(Vec<u8>),
    /// So many bytes announced, whatever comes.
    Announced(u64, Vec<u8>),
    /// Half of them, then silence.
    Stalled(Vec<u8>),
    /// One byte every few milliseconds, for ever.
    Dripping,
    /// Zeros without end, as fast as they are taken.
    Endless,
    /// Connected, and never a word.
    Silent,
    /// Bytes that are no HTTP.
    Gibberish,
    /// Go there.
    Redirect(String),
    /// Nothing but a status.
    Status(u16),
}

/// A server on a port of its own, with a log of the paths that were asked for. It ends with the test program.
struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, reply) = (asked.clone(), Arc::new(reply));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, log, reply) = (stream.unwrap(), log.clone(), reply.clone());
                // A client that has seen enough hangs up: no failure of the server.
                thread::spawn(move || drop(answer(stream, &log, &*reply)));
            }
        });
        Self { url, asked }
    }

    fn origin(&self) -> Origin {
        Origin::parse(&self.url).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, log: &Mutex<Vec<String>>, reply: &dyn Fn(&str) -> Reply) -> std::io::Result<()> {
    let path = requested(&mut stream)?;
    log.lock().unwrap().push(path.clone());
    let ok = |extra: &str| format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{extra}\r\n");
    let length = |count: u64| ok(&format!("Content-Length: {count}\r\n"));
    match reply(&path) {
        Reply::Whole(bytes) => {
            stream.write_all(length(bytes.len() as u64).as_bytes())?;
            stream.write_all(&bytes)
        }
        Reply::Unannounced(bytes) => {
            stream.write_all(ok("").as_bytes())?;
            stream.write_all(&bytes)
        }
        Reply::CalledEncoded(bytes) => {
            let header = format!("Content-Encoding: gzip\r\nContent-Length: {}\r\n", bytes.len());
            stream.write_all(ok(&header).as_bytes())?;
            stream.write_all(&bytes)
        }
        Reply::Announced(count, bytes) => {
            stream.write_all(length(count).as_bytes())?;
            stream.write_all(&bytes)
        }
        Reply::Stalled(bytes) => {
            stream.write_all(length(bytes.len() as u64).as_bytes())?;
            stream.write_all(&bytes[..bytes.len() / 2])?;
            thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        Reply::Dripping => {
            stream.write_all(ok("").as_bytes())?;
            loop {
                stream.write_all(&[0])?;
                thread::sleep(Duration::from_millis(5));
            }
        }
        Reply::Endless => {
            stream.write_all(ok("").as_bytes())?;
            loop {
                stream.write_all(&[0; 1 << 16])?;
            }
        }
        Reply::Silent => {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        Reply::Gibberish => stream.write_all(b"\0\x01\x02 this is no HTTP\r\n\r\n"),
        Reply::Redirect(to) => {
            let header =
                format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(header.as_bytes())
        }
        Reply::Status(status) => {
            let header = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(header.as_bytes())
        }
    }
}

fn requested(stream: &mut impl Read) -> std::io::Result<String> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    Ok(first.split(' ').nth(1).unwrap_or_default().to_owned())
}

/// A published set of a few samples: its files inflated, in gzip, and what is known of them.
struct Sample {
    plain: Vec<Vec<u8>>,
    gzip: Vec<Vec<u8>>,
    set: Published,
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn sample() -> Sample {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let images = |count: u32| {
        [
            words(&[0x803, count, 28, 28]),
            (0..count * 784).map(|i| (i.wrapping_mul(i).wrapping_mul(0x9e37_79b1) >> 24) as u8).collect(),
        ]
    };
    let labels = |count: u32| [words(&[0x801, count]), (0..count).map(|i| (i % 10) as u8).collect()];
    let plain = [images(40).concat(), labels(40).concat(), images(20).concat(), labels(20).concat()];
    let files = [0, 1, 2, 3].map(|i| {
        let sha256: String = Sha256::digest(&plain[i]).iter().map(|b| format!("{b:02x}")).collect();
        let sha256 = Checksum::Inflated(Box::leak(sha256.into_boxed_str()));
        PublishedFile { name: FILES[i], length: plain[i].len() as u64, sha256 }
    });
    let gzip = plain.iter().map(|bytes| gzip(bytes)).collect();
    let set = Published { name: "sample", title: "Sample", files, mirrors: ["", ""] };
    Sample { plain: plain.into(), gzip, set }
}

impl Sample {
    /// A server that answers as it should, but for requests of the training images.
    fn server_but(&self, images: Reply) -> Server {
        let gzip = self.gzip.clone();
        Server::start(move |path| match FILES.iter().position(|name| path == format!("/{name}.gz")) {
            Some(0) => images.clone(),
            Some(i) => Reply::Whole(gzip[i].clone()),
            None => Reply::Status(404),
        })
    }

    fn good_server(&self) -> Server {
        self.server_but(Reply::Whole(self.gzip[0].clone()))
    }
}

/// With servers that answer, however busy the machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// With servers that do not.
const IMPATIENCE: Duration = Duration::from_secs(3);

/// Fetches, and says what was told: `there`, `passed: …`, `written`, by file.
fn fetched(set: &Published, folder: &Path, origins: &[Origin]) -> (anyhow::Result<()>, Vec<String>) {
    fetched_within(PATIENCE, set, folder, origins)
}

fn fetched_within(
    patience: Duration,
    set: &Published,
    folder: &Path,
    origins: &[Origin],
) -> (anyhow::Result<()>, Vec<String>) {
    let mut told = Vec::new();
    let result = fetch(set, folder, origins, patience, &mut |event| match event {
        Event::There(file) => told.push(format!("there {}", file.name)),
        Event::Passed(file, error) => told.push(format!("passed {}: {error:#}", file.name)),
        Event::Kept(file, kept) => told.push(format!("kept {} {}", file.name, kept.display())),
        Event::Written(file) => told.push(format!("written {}", file.name)),
        Event::Received(..) => {}
    });
    (result, told)
}

#[track_caller]
fn assert_complete(sample: &Sample, folder: &Path) {
    for (file, plain) in sample.set.files.iter().zip(&sample.plain) {
        let path = file.find(folder).unwrap_or_else(|| panic!("no {}", file.name));
        let raw = std::fs::read(&path).unwrap();
        assert_eq!(&file.check(raw, "file").unwrap(), plain);
    }
    let stray = |name: &String| !FILES.iter().any(|file| name.trim_end_matches(".gz") == *file) && name != ".lock";
    assert_eq!(names(folder).into_iter().filter(stray).collect::<Vec<_>>(), [""; 0], "left behind");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_first_mirror_that_answers_is_enough() {
    let (sample, folder) = (sample(), TempDir::new().unwrap());
    let (first, second) = (sample.good_server(), sample.good_server());
    let (result, told) = fetched(&sample.set, folder.path(), &[first.origin(), second.origin()]);
    result.unwrap();
    assert_complete(&sample, folder.path());
    assert_eq!(told, FILES.map(|name| format!("written {name}")));
    assert_eq!(first.asked(), FILES.map(|name| format!("/{name}.gz")));
    assert_eq!(second.asked(), [""; 0]);

    let (result, told) = fetched(&sample.set, folder.path(), &[first.origin()]);
    result.unwrap();
    assert_eq!(told, FILES.map(|name| format!("there {name}")));
    assert_eq!(first.asked().len(), 4, "what is there is not asked for again");
}

#[test]
fn unusual_but_right_answers_are_taken() {
    let sample = sample();
    let images = sample.gzip[0].clone();
    let elsewhere = sample.good_server();
    let redirect = Reply::Redirect(format!("{}/train-images-idx3-ubyte.gz", elsewhere.url));
    for reply in [Reply::Unannounced(images.clone()), Reply::CalledEncoded(images), redirect] {
        let folder = TempDir::new().unwrap();
        fetched(&sample.set, folder.path(), &[sample.server_but(reply).origin()]).0.unwrap();
        assert_complete(&sample, folder.path());
    }
}

/// Whatever a server does, nothing of it counts, the next mirror serves, and alone it is an error that says why.
#[test]
fn a_mirror_that_fails_or_lies_is_skipped_and_alone_it_is_an_error() {
    let sample = sample();
    let images = &sample.gzip[0];
    let longest = sample.set.files[0].longest();
    let mut changed = sample.plain[0].clone();
    changed[5000] ^= 1;
    let mut bomb = sample.plain[0].clone();
    bomb.resize(50_000_000, 0);
    let mut promising = bomb.clone();
    promising[4..8].copy_from_slice(&60_000_u32.to_be_bytes());
    let loops = Server::start(|path| Reply::Redirect(path.to_owned()));
    let cases = [
        ("cut off", Reply::Announced(images.len() as u64, images[..1000].to_vec()), "broke off after"),
        ("cut off, unannounced", Reply::Unannounced(images[..1000].to_vec()), "expected intact gzip data"),
        ("shorter than it is", Reply::Announced(1000, images.clone()), "expected intact gzip data"),
        ("absurdly long", Reply::Announced(1 << 60, images.clone()), "says that it sends 1152921504606846976 bytes"),
        ("other bytes", Reply::Whole(gzip(&changed)), "SHA-256"),
        ("another file", Reply::Whole(sample.gzip[2].clone()), "found a header promising"),
        ("a page", Reply::Whole(b"<html>sign in</html>".to_vec()), "magic number"),
        ("nothing", Reply::Whole(Vec::new()), "found a file of 0"),
        ("a gzip bomb", Reply::Whole(gzip(&bomb)), "or more"),
        ("a gzip bomb that says so", Reply::Whole(gzip(&promising)), "found a header promising"),
        ("silence in the middle", Reply::Stalled(images.clone()), "broke off after"),
        ("drops", Reply::Dripping, "bytes a second"),
        ("no end", Reply::Endless, &format!("sent more than {longest} bytes")),
        ("silence", Reply::Silent, "timeout"),
        ("gibberish", Reply::Gibberish, "protocol"),
        ("a redirect to itself", Reply::Redirect(format!("{}/train-images", loops.url)), "redirects"),
        ("a redirect to nowhere", Reply::Redirect("/moved".to_owned()), "404"),
        ("404", Reply::Status(404), "404"),
        ("503", Reply::Status(503), "503"),
    ];
    thread::scope(|scope| {
        for (name, reply, reason) in cases {
            let sample = &sample;
            scope.spawn(move || passed_over(sample, name, reply, reason));
        }
    });
}

fn passed_over(sample: &Sample, name: &str, reply: Reply, reason: &str) {
    let is_slow = matches!(reply, Reply::Stalled(_) | Reply::Dripping | Reply::Silent);
    let patience = if is_slow { IMPATIENCE } else { PATIENCE };
    let bad = sample.server_but(reply);
    let folder = TempDir::new().unwrap();
    let (result, _) = fetched_within(patience, &sample.set, folder.path(), &[bad.origin()]);
    let error = format!("{:#}", result.expect_err(name));
    let told =
        error.strip_prefix(&format!("cannot get train-images-idx3-ubyte: {}/train-images-idx3-ubyte.gz: ", bad.url));
    let told = told.unwrap_or_else(|| panic!("{name}: {error}"));
    assert!(told.contains(reason), "{name}: {told}");
    assert_eq!(names(folder.path()), [".lock"], "{name}");

    let good = sample.good_server();
    let (result, told) = fetched_within(patience, &sample.set, folder.path(), &[bad.origin(), good.origin()]);
    result.expect(name);
    assert_complete(sample, folder.path());
    assert!(told[0].starts_with("passed train-images-idx3-ubyte: "), "{name}: {told:?}");
    assert_eq!(told.len(), 5, "{name}: {told:?}");
    let others = bad.asked().iter().filter(|path| FILES[1..].iter().any(|name| path.contains(name))).count();
    assert_eq!(others, 0, "{name}: the mirror that failed is asked last for the other files");
}

#[test]
fn a_mirror_that_cannot_be_reached_is_skipped() {
    let (sample, folder) = (sample(), TempDir::new().unwrap());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let origins =
        [Origin::parse(&format!("http://{closed}")).unwrap(), Origin::parse("http://no-such-host.invalid").unwrap()];
    let (result, told) = fetched(&sample.set, folder.path(), &origins);
    assert!(format!("{:#}", result.unwrap_err()).contains("no-such-host.invalid"));
    assert!(told[0].contains(&closed.to_string()), "{told:?}");
    let origins = [&origins[..], &[sample.good_server().origin()]].concat();
    fetched(&sample.set, folder.path(), &origins).0.unwrap();
    assert_complete(&sample, folder.path());
}

#[test]
fn files_that_arrived_are_kept_and_the_others_are_fetched_next_time() {
    let (sample, folder) = (sample(), TempDir::new().unwrap());
    let files = sample.gzip.clone();
    let partly = Server::start(move |path| match FILES.iter().position(|name| path.contains(name)) {
        Some(i) if i < 2 => Reply::Whole(files[i].clone()),
        _ => Reply::Status(503),
    });
    fetched(&sample.set, folder.path(), &[partly.origin()]).0.unwrap_err();
    let (result, told) = fetched(&sample.set, folder.path(), &[sample.good_server().origin()]);
    result.unwrap();
    let words: Vec<_> = told.iter().map(|told| told.split(' ').next().unwrap()).collect();
    assert_eq!(words, ["there", "there", "written", "written"]);
    assert_complete(&sample, folder.path());
}

#[test]
fn damaged_files_and_what_a_killed_fetch_left_are_replaced() {
    let (sample, folder) = (sample(), TempDir::new().unwrap());
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("train-images-idx3-ubyte", &sample.plain[0][..500]);
    write("train-labels-idx1-ubyte.gz", &sample.gzip[1][..20]);
    write("t10k-images-idx3-ubyte", &sample.plain[2]);
    write(".writing-abcdef", b"half of something");
    let (result, told) = fetched(&sample.set, folder.path(), &[sample.good_server().origin()]);
    result.unwrap();
    let words: Vec<_> = told.iter().map(|told| told.split(' ').next().unwrap()).collect();
    assert_eq!(words, ["there", "kept", "written", "kept", "written", "written"]);
    // What was replaced may have been somebody's own.
    let taken = |name: &str| {
        let path = folder.path().join(name);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        bytes
    };
    write("train-images-idx3-ubyte", b"mine");
    fetched(&sample.set, folder.path(), &[sample.good_server().origin()]).0.unwrap();
    assert_eq!(taken("train-images-idx3-ubyte.replaced2"), b"mine");
    assert!(taken("train-images-idx3-ubyte.replaced") == sample.plain[0][..500]);
    assert!(taken("train-labels-idx1-ubyte.gz.replaced") == sample.gzip[1][..20]);
    assert_complete(&sample, folder.path());
}

#[test]
fn a_folder_at_hand_serves_plain_files_and_gzip() {
    let (sample, from, folder) = (sample(), TempDir::new().unwrap(), TempDir::new().unwrap());
    for (i, name) in FILES.iter().enumerate() {
        let (name, bytes) =
            if i % 2 == 0 { ((*name).to_owned(), &sample.plain[i]) } else { (format!("{name}.gz"), &sample.gzip[i]) };
        std::fs::write(from.path().join(name), bytes).unwrap();
    }
    let origin = Origin::parse(from.path().to_str().unwrap()).unwrap();
    fetched(&sample.set, folder.path(), std::slice::from_ref(&origin)).0.unwrap();
    assert_complete(&sample, folder.path());

    // One that is damaged does not hide one that is whole.
    std::fs::write(from.path().join("train-images-idx3-ubyte.gz"), &sample.gzip[0]).unwrap();
    std::fs::write(from.path().join(FILES[0]), &sample.plain[0][..100]).unwrap();
    let folder = TempDir::new().unwrap();
    fetched(&sample.set, folder.path(), std::slice::from_ref(&origin)).0.unwrap();
    assert_complete(&sample, folder.path());

    let folder = TempDir::new().unwrap();
    std::fs::write(from.path().join("train-images-idx3-ubyte.gz"), vec![0; 10_000_000]).unwrap();
    let error = format!("{:#}", fetched(&sample.set, folder.path(), &[origin]).0.unwrap_err());
    assert!(error.contains("is longer than"), "{error}");
    assert_eq!(names(folder.path()), [".lock"]);
}

/// A set whose gzip files alone are known counts in that wrapping only.
#[test]
fn a_file_known_by_its_gzip_counts_as_published_only() {
    let (mut sample, folder) = (sample(), TempDir::new().unwrap());
    let published: String = Sha256::digest(&sample.gzip[0]).iter().map(|b| format!("{b:02x}")).collect();
    sample.set.files[0].sha256 = Checksum::Gzip(Box::leak(published.into_boxed_str()));
    std::fs::write(folder.path().join(FILES[0]), &sample.plain[0]).unwrap();
    let rewrapped = Server::start({
        let plain = sample.plain[0].clone();
        move |_| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
            encoder.write_all(&plain).unwrap();
            Reply::Whole(encoder.finish().unwrap())
        }
    });
    let error = format!("{:#}", fetched(&sample.set, folder.path(), &[rewrapped.origin()]).0.unwrap_err());
    assert!(error.contains("as published, gzip SHA-256"), "{error}");
    fetched(&sample.set, folder.path(), &[sample.good_server().origin()]).0.unwrap();
    assert_eq!(std::fs::read(folder.path().join("train-images-idx3-ubyte.gz")).unwrap(), sample.gzip[0]);
}

#[test]
fn one_program_at_a_time_fetches_a_data_set() {
    let (sample, folder) = (sample(), TempDir::new().unwrap());
    let lock = std::fs::File::create(folder.path().join(".lock")).unwrap();
    lock.lock().unwrap();
    let error = fetched(&sample.set, folder.path(), &[sample.good_server().origin()]).0.unwrap_err();
    assert!(error.to_string().contains("another program is fetching Sample"), "{error}");
}

// The program as its users start it.

fn program(lab: &Lab, args: &[&str]) -> std::process::Output {
    let mut command = lab.command();
    for variable in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(variable).env_remove(variable.to_uppercase());
    }
    command.args(["data", "fetch", "mnist", "--data-dir", "sets"]).args(args).output().unwrap()
}

/// Where the real MNIST is at hand.
#[test]
fn mnist_comes_from_a_private_mirror_and_counts_as_there() {
    let Some(real) = mnist_dir().map(|dir| dir.join("mnist")) else { return };
    let lab = Lab::new();
    let server = Server::start(move |path| {
        let file = MNIST.files.iter().find(|file| path == format!("/private/{}", file.gzip_name())).unwrap();
        Reply::Whole(std::fs::read(file.find(&real).unwrap()).unwrap())
    });
    let output = program(&lab, &["--from", &format!("{}/private/", server.url)]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mnist: all four files are in sets/mnist\n");
    lab.call(&["data", "verify", "mnist", "--data-dir", "sets"]).expect(0).says(&["byte for byte"]);
}

#[test]
fn a_server_without_the_files_is_named() {
    let (lab, server) = (Lab::new(), Server::start(|_| Reply::Status(404)));
    let output = program(&lab, &["--from", &server.url]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("cannot get train-images-idx3-ubyte") && stderr.contains("404"), "{stderr}");
    let output = program(&lab, &["--from", "no/such/folder"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("no/such/folder/train-images") && !stderr.contains("without a network"), "{stderr}");
    let path_twice = |line: &str| line.matches("no/such/folder").count() > 1;
    assert!(!stderr.lines().any(path_twice), "{stderr}");
    let neither = "neither a folder nor an http(s) URL";
    for (wrong, words) in [("", "it is empty"), ("ftp://x/y", neither), ("file:///x", neither)] {
        let output = program(&lab, &["--from", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(words));
    }
    let output = program(&lab, &["--from", &server.url.replace("//", "//me:secret@")]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(&server.url) && !stderr.contains("secret"), "{stderr}");
    lab.call(&["data", "fetch", "cifar"]).expect(2).complains(&["mnist", "fashion-mnist"]);
    lab.call(&["data", "fetch"]).expect(2);
}

/// A proxy that refuses to connect stands in for a machine without a network.
#[test]
fn without_a_network_the_message_says_what_to_do() {
    let lab = Lab::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = lab.command();
    for variable in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(variable).env_remove(variable.to_uppercase());
    }
    command.env("https_proxy", format!("http://{closed}"));
    let output = command.args(["data", "fetch", "mnist", "--data-dir", "sets"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    for mirror in MNIST.mirrors {
        assert!(stderr.contains(mirror), "{stderr}");
    }
    assert!(stderr.contains("without a network") && stderr.contains("--from DIR"), "{stderr}");
}

/// HTTPS is spoken, and only to servers whose certificate the machine trusts.
#[test]
fn a_certificate_that_the_machine_does_not_trust_is_refused() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            if requested(&mut stream).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        }
    });

    let lab = Lab::new();
    lab.write("trusted.pem", made.cert.pem());
    let call = |trusted: Option<&str>| {
        let mut command = lab.command();
        for variable in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(variable).env_remove(variable.to_uppercase());
        }
        command.env_remove("SSL_CERT_DIR");
        match trusted {
            Some(file) => command.env("SSL_CERT_FILE", lab.path(file)),
            None => command.env_remove("SSL_CERT_FILE"),
        };
        let output = command.args(["data", "fetch", "mnist", "--from", &url]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    if cfg!(target_os = "linux") {
        let trusted = call(Some("trusted.pem"));
        assert!(trusted.contains("404"), "{trusted}");
    }
    let untrusted = call(None);
    assert!(!untrusted.contains("404") && untrusted.to_lowercase().contains("certificate"), "{untrusted}");
}
