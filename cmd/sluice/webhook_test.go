package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWebhookFlags(t *testing.T) {
	t.Parallel()
	o, err := parseWebhook([]string{"--webhook-bind-port=10250", "--webhook-dns-names=a.example,b.example"})
	if err != nil || o.Port != 10250 || len(o.DNSNames) != 2 || o.Namespace != "sluice-webhook" || o.CertDir != "" {
		t.Errorf("flags: %+v, %v", o, err)
	}
	_, err = parseWebhook([]string{"--webhook-bind-port=0", "--webhook-namespace=", "--shutdown-delay=-1s", "--log-level=loud"})
	for _, flag := range []string{"--webhook-bind-port=0", "--webhook-namespace=", "--shutdown-delay=-1s", "--log-level=loud"} {
		if err == nil || !strings.Contains(err.Error(), flag+": ") {
			t.Errorf("%v does not complain of %s", err, flag)
		}
	}
	if _, err := parseWebhook([]string{"now"}); err == nil || !strings.Contains(err.Error(), `"now"`) {
		t.Errorf("an argument: %v", err)
	}
}

// Whoever still sends requests after SIGTERM finds somebody.
func TestWebhookOutlastsItsSignal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signal, arrive := context.WithCancel(t.Context())
		serving := outlasting(signal, 10*time.Second)
		arrive()
		time.Sleep(9 * time.Second)
		if serving.Err() != nil {
			t.Error("it ended early")
		}
		time.Sleep(2 * time.Second)
		if serving.Err() == nil {
			t.Error("it did not end")
		}
	})
}
