package cluster

import (
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kube-remedy/kube-remedy/e2e/cluster/pki"
)

// contextName is the name of the only cluster, user and context in the kubeconfigs that are written here.
const contextName = "kube-remedy"

// writeEmbeddedKubeconfig writes one that can be copied elsewhere, because it names no other file.
func writeEmbeddedKubeconfig(path, server string, caPEM []byte, client pki.Pair) error {
	return writeKubeconfig(path,
		&api.Cluster{Server: server, CertificateAuthorityData: caPEM},
		&api.AuthInfo{ClientCertificateData: client.CertPEM, ClientKeyData: client.KeyPEM})
}

func writeKubeconfig(path string, cluster *api.Cluster, user *api.AuthInfo) error {
	text, err := clientcmd.Write(api.Config{
		Clusters:       map[string]*api.Cluster{contextName: cluster},
		AuthInfos:      map[string]*api.AuthInfo{contextName: user},
		Contexts:       map[string]*api.Context{contextName: {Cluster: contextName, AuthInfo: contextName}},
		CurrentContext: contextName,
	})
	if err != nil {
		return err
	}
	return pki.ReplaceFile(path, text)
}
