"""S3: who a bucket is open to, and what watches over and protects its objects."""
