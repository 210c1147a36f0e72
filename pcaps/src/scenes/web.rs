//! Visits to web servers, in the clear and over TLS.

use std::time::Duration;

use crate::{
    conversation::{Close, Conversation, Side},
    host::{Endpoint, Path},
    protocol::{
        client_hello::Client,
        http,
        tls::{self, Version},
    },
    recording::Recording,
};

/// A client, a server and the way between them.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// Where the probe stands.
    pub path: Path,
    /// Who asks.
    pub client: Endpoint,
    /// Who is asked.
    pub server: Endpoint,
    /// The name under which the client knows the server.
    pub host_name: &'a str,
    /// The program of the client, as it calls itself.
    pub agent: &'a str,
}

impl Visit<'_> {
    /// Asks for `pages` (target and length of the answer's body) over one connection in the clear. Returns
    /// when it is over.
    pub fn plain(
        &self,
        recording: &mut Recording,
        pages: &[(&str, usize)],
        loss: Loss,
        at: Duration,
    ) -> Duration {
        let mut conversation = match loss {
            Loss::Synchronize => Conversation::open_late(recording, self.path, self.client, self.server, at),
            _ => Conversation::open(recording, self.path, self.client, self.server, at),
        };
        for (number, &(target, length)) in (1..).zip(pages) {
            conversation.client(&http::get(self.host_name, target, self.agent));
            let delay = conversation.random().time(Duration::from_millis(1), Duration::from_millis(9));
            conversation.pause(delay);
            let body = page(length);
            let response = http::response("200 OK", SERVER, "text/html; charset=utf-8", &body);
            match loss {
                Loss::Answer(segment) if number == pages.len() => {
                    conversation.send_with_loss(Side::Server, &response, segment);
                }
                _ => conversation.server(&response),
            }
            let idle = conversation.random().waiting_time(Duration::from_millis(900));
            conversation.pause(idle);
        }
        let end = conversation.now();
        conversation.close(Close::Finish(Side::Client));
        end
    }

    /// Exchanges `messages` (lengths of request and answer) over one connection with TLS 1.3, as a browser
    /// does. Returns when it is over.
    pub fn encrypted(
        &self,
        recording: &mut Recording,
        certificate: &[u8],
        messages: &[(usize, usize)],
        at: Duration,
    ) -> Duration {
        let mut conversation = Conversation::open(recording, self.path, self.client, self.server, at);
        tls::handshake(&mut conversation, Client::Browser, Some(self.host_name), Version::Tls13, certificate);
        // Two tickets for later (RFC 8446, section 4.6.1).
        let tickets =
            [233, 233].map(|length| tls::application_data(conversation.random(), Version::Tls13, length));
        conversation.server(&tickets.concat());
        for &(request, answer) in messages {
            tls::send(&mut conversation, Side::Client, Version::Tls13, request);
            let delay = conversation.random().time(Duration::from_millis(2), Duration::from_millis(25));
            conversation.pause(delay);
            tls::send(&mut conversation, Side::Server, Version::Tls13, answer);
            let idle = conversation.random().waiting_time(Duration::from_millis(1500));
            conversation.pause(idle);
        }
        let alert = tls::alert(conversation.random(), Version::Tls13);
        conversation.client(&alert);
        let end = conversation.now();
        conversation.close(Close::Finish(Side::Client));
        end
    }

    /// Fetches a script and then an archive, as an intruder's command line on a server does. Returns when it is over.
    ///
    /// `lost` is the segment of the archive that is sent twice.
    pub fn fetch_tools(
        &self,
        recording: &mut Recording,
        archive_length: usize,
        lost: usize,
        at: Duration,
    ) -> Duration {
        let mut conversation = Conversation::open(recording, self.path, self.client, self.server, at);
        conversation.client(&http::get(self.host_name, SCRIPT_TARGET, self.agent));
        let script = b"# A script that fetches and starts a program would stand here.\r\n".repeat(20);
        conversation.server(&http::response("200 OK", "nginx", "text/plain", &script));
        conversation.pause(Duration::from_millis(1900));
        conversation.client(&http::get(self.host_name, ARCHIVE_TARGET, self.agent));
        let mut archive = ZIP_LOCAL_FILE_HEADER.to_vec();
        archive.extend(conversation.random().octets(archive_length.saturating_sub(archive.len())));
        conversation.send_with_loss(
            Side::Server,
            &http::response("200 OK", "nginx", "application/zip", &archive),
            lost,
        );
        let end = conversation.now();
        conversation.close(Close::Finish(Side::Client));
        end
    }
}

/// What happens to a visit on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Loss {
    /// Nothing.
    None,
    /// The client's first segment is lost.
    Synchronize,
    /// A segment of the last answer is lost: the one of this number, counted from 0.
    Answer(usize),
}

fn page(length: usize) -> Vec<u8> {
    b"<p>A page of a server that exists in documentation only.</p>\n"
        .iter()
        .copied()
        .cycle()
        .take(length)
        .collect()
}

/// What [`Visit::fetch_tools`] asks for first.
pub const SCRIPT_TARGET: &str = "/s.ps1";
/// What [`Visit::fetch_tools`] asks for then.
pub const ARCHIVE_TARGET: &str = "/update.zip";

const SERVER: &str = "Microsoft-IIS/10.0";
/// The signature, the version and the method of a file in a ZIP archive.
const ZIP_LOCAL_FILE_HEADER: [u8; 10] = [b'P', b'K', 3, 4, 20, 0, 0, 0, 8, 0];
