#!/bin/sh
# Adds the gateway's certificate to a copy of Java's trust store, so that an update of Java does not
# undo it. Usage: java-truststore.sh leakgate-ca.pem /etc/leakgate/cacerts
# Then start programs with:
#   -Djavax.net.ssl.trustStore=/etc/leakgate/cacerts
#   -Dhttps.proxyHost=gateway.example.com -Dhttps.proxyPort=8080
#   -Dhttp.nonProxyHosts='localhost|127.*|*.example.com'
set -eu

certificate=${1:?usage: java-truststore.sh CERTIFICATE STORE}
store=${2:?usage: java-truststore.sh CERTIFICATE STORE}
home=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v keytool)")")")}

cp "$home/lib/security/cacerts" "$store"
chmod u+w "$store"
# `changeit` is the public default password of Java's own store; it protects nothing.
keytool -importcert -noprompt -trustcacerts -alias leakgate \
    -file "$certificate" -keystore "$store" -storepass changeit
chmod 0644 "$store"
