//! What needs neither root nor a machine nor the network: formats, control data, rendered files.

mod control_data;
mod deb_format;
mod deb_refusals;
mod ext4_image;
mod gunicorn_settings;
mod gzip_image;
mod rendered_files;
