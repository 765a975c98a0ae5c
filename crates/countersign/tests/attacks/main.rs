//! Attacks that a scenario page cannot show: raw bytes at a real socket, files that are not what they should be, and
//! rules about the code itself.

#[cfg(test)]
mod application;
#[cfg(test)]
mod gateway;

#[cfg(test)]
mod authorities;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod emptied;
#[cfg(test)]
mod framing;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod spent;
#[cfg(test)]
mod structure;
#[cfg(test)]
mod unfinished;
