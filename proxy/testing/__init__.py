"""The load balancer inside a test or an application: proxy.Proxy and proxy.AsyncProxy."""
