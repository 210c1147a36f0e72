//! The exporter as a caller and a collector see it.

#[cfg(test)]
mod collector;
#[cfg(test)]
mod decoder;
mod failover;
#[cfg(test)]
mod file;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod numbered;
#[cfg(test)]
mod rotating;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod spool;
mod tcp;
#[cfg(test)]
mod udp;
#[cfg(test)]
mod value;
