//! What hosts say to each other: the octets of one message at a time, by the standards that define them.

pub mod arp;
pub mod certificate;
pub mod client_hello;
pub mod credssp;
pub mod cryptonote;
pub mod dns;
pub mod http;
pub mod ntp;
pub mod rdp;
pub mod tls;
mod tls_encoding;
