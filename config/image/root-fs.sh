#!/bin/sh
# Lays out what the image holds: the program and its module for cpprestsdk, the libraries of both, the certificate
# authorities for webhooks, and the time zones that policies may name. A machine with these packages is needed:
# ca-certificates, tzdata, and those of the libraries.
#   config/image/root-fs.sh BIN OUT    BIN is the folder of the built programs, OUT is made
set -eu
bin=$1 out=$2

mkdir -p "$out/usr/bin" "$out/usr/share" "$out/etc/ssl/certs" "$out/tmp"
chmod 1777 "$out/tmp"
for file in kube-remedy kube-remedy-cpprest.so; do
  [ -e "$bin/$file" ] || continue # a build without cpprestsdk has no module
  strip -o "$out/usr/bin/$file" "$bin/$file"
  ldd "$bin/$file" | grep -o '/[^ ]*' | sort -u | xargs -I{} cp --parents -L {} "$out"
done
cp -L /etc/ssl/certs/ca-certificates.crt "$out/etc/ssl/certs/"
cp -R /usr/share/zoneinfo "$out/usr/share/"
rm -rf "$out/usr/share/zoneinfo/right" # the same once more, with leap seconds
