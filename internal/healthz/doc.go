// Package healthz joins the health of several containers into one endpoint, for the health check of a load balancer:
// that asks one port of a Pod, and a target is only as good as the worst container that it needs.
//
// In go checks (URLs of HTTP, TCP or gRPC health endpoints), each required or optional; out comes an HTTP server that
// makes all of them whenever it is asked, and answers 200 if every required one passes, else 503, with a JSON body that
// names each. Optional ones are told and never decide. Nothing is asked while nobody asks.
//
//	options, err := healthz.Parse([]string{"--required", "http://:8080/ready", "--optional", "tcp://:6379"}, os.Stderr)
//	err = options.Run(ctx, sigterm, os.Stderr)
//
// It knows neither Kubernetes nor AWS, and must not: its image runs in every Pod.
package healthz
