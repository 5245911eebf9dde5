{{/*
Values of aws-load-balancer-controller's chart that mean nothing here, with what to do in their
place. They are refused by name: whoever carries values over must not believe that they hold.
values.schema.json knows these names too, so that the answer is this and not "not allowed".
*/}}
{{- define "sluice.refused" -}}
autoscaling: only one replica acts, so more of them do no more; set replicaCount
awsApiEndpoints: set the environment variable AWS_ENDPOINT_URL, or AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2 and its like, in env
awsApiThrottle: calls go by a share of what AWS documents; set awsBudgetShare
awsMaxRetries: Sluice decides by the kind of an error whether to try again
cluster: the webhook needs no domain of the cluster
clusterSecretsPermissions: Sluice reads no Secrets
creator: leave it out
disableIngressClassAnnotation: write a policy of your own against new uses of kubernetes.io/ingress.class
disableIngressGroupNameAnnotation: isolation.enabled lets only those write alb.ingress.kubernetes.io/group.name whose namespace or role it is
enableCertManager: the webhook makes and renews its certificate itself
enableEndpointSlices: EndpointSlices are always used
enablePodReadinessGateInject: set injection to none in the place of false
enableServiceMutatorWebhook: Services of type LoadBalancer are not served
enableShield: Shield is not called
enableWaf: WAF is not called
enableWafv2: WAF is not called
envSecretName: name the Secret in envFrom; its keys must be the names of variables, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
fullnameOverride: names are fixed, because a cluster has one Sluice
keepTLSSecret: the webhook keeps its certificate in a Secret that upgrades leave alone
lbStabilizationMonitorInterval: leave it out
loadBalancerClass: Services of type LoadBalancer are not served
maxTargetsPerTargetGroup: all targets are registered
nameOverride: names are fixed, because a cluster has one Sluice
objectSelector: set the label sluice.dev/readiness-gate of Pods to "off"
podMutatorWebhookConfig: injection never keeps a Pod from being created
serviceAnnotations: set metricsService.annotations
serviceMaxConcurrentReconciles: Services of type LoadBalancer are not served
serviceMutatorWebhookConfig: Services of type LoadBalancer are not served
syncPeriod: set driftInterval, which says how often AWS is looked through
targetgroupbindingMaxExponentialBackoffDelay: Sluice decides by the kind of an error when to try again
verticalPodAutoscaler: make the VerticalPodAutoscaler of Deployment sluice beside the release
vpcTags: set vpcId
watchNamespace: Sluice watches all namespaces; which Pods get gates their namespaces' label elbv2.k8s.aws/pod-readiness-gate-inject says
webhookBindPort: the port of the webhook is 9443
webhookConfig: set validation, which policies do in the API server
webhookNamespaceSelectors: the label elbv2.k8s.aws/pod-readiness-gate-inject of a namespace says whose Pods get gates
webhookTLS: the webhook makes and renews its certificate itself
{{- end }}
