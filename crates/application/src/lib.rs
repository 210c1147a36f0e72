//! What the first octets of a conversation say of its application: DNS, HTTP, TLS, QUIC, SSH.
//!
//! A [`Conversation`] takes the segments or datagrams of one flow as they come by, holds the little of them together that is needed, and
//! gives an [`Application`]: names, versions, codes. It goes by grammar; a port matters for DNS alone, whose messages look like much else.
//! When it has what there is to know, or more octets than it keeps, it is done, and the rest of the flow is none of its business.
//!
//! It must never know flows and their tables, outputs, or a clock.
//!
//! # What holds
//!
//! - What is known depends on octets and their order alone.
//! - Nothing that a network can send makes it panic, or grow past the bounds that are constants beside the code.
//! - Text from the network is printable and of bounded length.

#![deny(clippy::indexing_slicing)]

mod application;
mod certificate;
mod conversation;
mod datagrams;
pub mod dns;
#[cfg(any(test, fuzzing))]
mod fuzz;
mod http;
pub mod octets;
mod quic;
mod segments;
mod ssh;
pub mod stream;
mod text;
pub mod tls;
mod tls_session;

pub use application::{
    Application, Certificate, Dns, DnsResponse, Http, HttpRequest, HttpResponse, Protocol, Quic, Recognized,
    Ssh, Tls, TlsClient, TlsServer,
};
pub use conversation::{Conversation, may_begin, may_lead_to_tls};
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub use fuzz::{fuzz_datagrams, fuzz_stream};
pub use smol_str::SmolStr;
