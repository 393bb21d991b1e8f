package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
)

// NewSigningKey makes the key pair that service-account tokens are signed and checked with, as PEM.
func NewSigningKey() (publicPEM, privatePEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, nil, err
	}
	privatePEM, err = encodeKey(key)
	return encode("PUBLIC KEY", der), privatePEM, err
}
