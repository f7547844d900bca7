"""The door of Helm: repositories of charts, ChartMuseum's API, `helm search hub`."""
